import { Analytics } from '@segment/analytics-node'
import { NAME, send, url, WHEN } from './halves.mjs'

const client = new Analytics({ writeKey: 'KEY', host: url, path: '/segment-node/v1/batch', flushAt: 20, flushInterval: 50 })
client.on('error', (error) => {
  console.error(error)
  process.exitCode = 1
})
await send((number) => client.track({ userId: `u${number}`, event: NAME, properties: { number }, timestamp: WHEN }))
await client.closeAndFlush()
