import { atTheTimeOf, atTheTimeOfSending, calls, url } from './history.mjs'
import { Analytics } from '@segment/analytics-node'

const { origin, pathname } = new URL(url)
const client = new Analytics({ writeKey: 'KEY', host: origin, path: `${pathname}/v1/batch`, flushAt: calls.length + 1 })
client.on('error', (error) => {
  console.error(error)
  process.exitCode = 1
})
for (const call of calls) {
  atTheTimeOf(call)
  client[call.kind](call.message)
}
atTheTimeOfSending()
await client.closeAndFlush()
