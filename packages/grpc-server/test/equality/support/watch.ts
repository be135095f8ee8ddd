import type { EventEmitter } from 'node:events'
import type { Journal } from './journal.ts'

/** What a handler can see of the end of its call. */
interface Cancellable extends Pick<EventEmitter, 'on'> {
  readonly cancelled: boolean
}

/** Writes down the events by which a call tells its handler that it is over. */
export function watch(call: Cancellable, journal: Journal): void {
  call.on('cancelled', (reason: unknown) => {
    journal.note('cancelled', [reason, call.cancelled])
  })
  for (const event of ['finish', 'close'] as const) {
    call.on(event, () => {
      journal.note(event, call.cancelled ? 'of a cancelled call' : undefined)
    })
  }
  call.on('error', (error: unknown) => {
    journal.note('error', error instanceof Error ? error.message : error)
  })
}
