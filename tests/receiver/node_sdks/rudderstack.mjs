import { setTimeout } from 'node:timers/promises'
import Analytics from '@rudderstack/rudder-sdk-node'
import { count, NAME, send, url, WHEN } from './halves.mjs'

const client = new Analytics('KEY', {
  dataPlaneUrl: `${url}/rudderstack-node`, flushAt: 20, flushInterval: 50, retryCount: 8, logLevel: 'silly',
})
let told = 0
await send((number) =>
  client.track({ userId: `u${number}`, event: NAME, properties: { number }, timestamp: WHEN }, (error) => {
    if (error) throw error
    told++
  }),
)
while (told < count) {
  await client.flush() // takes one batch at a time
  await setTimeout(10)
}
