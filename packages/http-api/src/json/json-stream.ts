import { Readable } from 'node:stream'
import type { Clock, Timer } from '@orrery/environment'

/** What is written in one go. Unit: UTF-16 code units. */
const chunkMinChars = 64 * 1_024

/** Items in a list that is not worth a stream. */
const smallMaxItems = 100

/**
 * An object with one long list as JSON. A short list is one text. A long one is written in slices, between which others
 * have their turn, and no faster than its reader takes it. The items have to be immutable: they are written when it is
 * their turn.
 *
 * @param head the other fields, at least one
 */
export function jsonWithList(
  { head, name, items }: { readonly head: object; readonly name: string; readonly items: readonly unknown[] },
  clock: Clock,
): string | Readable {
  const begin = `${JSON.stringify(head).slice(0, -1)},${JSON.stringify(name)}:[`
  const parts = partsOf(begin, items)
  if (items.length <= smallMaxItems) return Array.from(parts).join('')
  let next: Timer | undefined
  return new Readable({
    highWaterMark: chunkMinChars,
    read() {
      next = clock.defer(() => this.push(chunkOf(parts)))
    },
    destroy(error, done) {
      next?.cancel()
      done(error)
    },
  })
}

function* partsOf(begin: string, items: readonly unknown[]): Generator<string, undefined> {
  yield begin
  for (let index = 0; index < items.length; index++) {
    yield (index === 0 ? '' : ',') + JSON.stringify(items[index])
  }
  yield ']}'
  return undefined
}

/** The next slice; null: there is none. */
function chunkOf(parts: Iterator<string, undefined>): Buffer | null {
  let chunk = ''
  while (chunk.length < chunkMinChars) {
    const { done, value } = parts.next()
    if (done === true) break
    chunk += value
  }
  return chunk === '' ? null : Buffer.from(chunk)
}
