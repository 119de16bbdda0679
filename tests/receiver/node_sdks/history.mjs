// `node segment_history.mjs URL SENDING < calls`: each line is a call and when it is made; all is sent at SENDING. Both are
// milliseconds by the clock of the client, which stands at them: whoever imports this has a `Date` of its own.

import { readFileSync } from 'node:fs'

const TrueDate = Date
let now = TrueDate.now()
globalThis.Date = class extends TrueDate {
  constructor(...given) {
    super(...(given.length ? given : [now]))
  }

  static now() {
    return now
  }
}

export const url = process.argv[2]
export const calls = readFileSync(0, 'utf8').split('\n').map((line) => JSON.parse(line))

export function atTheTimeOf(call) {
  now = call.at
}

export function atTheTimeOfSending() {
  now = Number(process.argv[3])
}
