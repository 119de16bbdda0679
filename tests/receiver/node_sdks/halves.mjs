// `node segment.mjs URL COUNT`: between two halves of the events it says "half" and waits for a line.

import { createInterface } from 'node:readline/promises'

export const WHEN = new Date('2024-03-01T12:00:00Z')
export const NAME = 'Report Made'
export const [url, count] = [process.argv[2], Number(process.argv[3])]

export async function send(track) {
  const lines = createInterface({ input: process.stdin })
  for (let number = 0; number < count; number++) {
    if (number === Math.floor(count / 2)) {
      const answered = new Promise((resolve) => lines.once('line', resolve))
      console.log('half')
      await answered
    }
    track(number)
  }
  lines.close()
}
