import { setTimeout } from 'node:timers/promises'
import { atTheTimeOf, atTheTimeOfSending, calls, url } from './history.mjs'
import Analytics from '@rudderstack/rudder-sdk-node'

const client = new Analytics('KEY', { dataPlaneUrl: url, flushAt: 20 })
// It sends at once what it is called with first, and then whenever there are enough: also that is the time of sending.
const flush = client.flush.bind(client)
client.flush = (...given) => {
  atTheTimeOfSending()
  return flush(...given)
}
let told = 0
for (const call of calls) {
  atTheTimeOf(call)
  client[call.kind](call.message, (error) => {
    if (error) throw error
    told++
  })
}
while (told < calls.length) {
  await client.flush() // takes one batch at a time
  await setTimeout(10)
}
