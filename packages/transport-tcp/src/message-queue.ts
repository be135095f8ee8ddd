import type { Message } from '@orrery/raft'

/** More than an encoded message has beside its payloads, or an entry beside its own. Unit: bytes. */
const messageOverheadBytes = 96
const entryOverheadBytes = 32

/** Bounds the memory of a message, and its encoded size from above. Unit: bytes. */
export function messageBytes(message: Message): number {
  let bytes = messageOverheadBytes
  switch (message.type) {
    case 'append':
      for (const { payload } of message.entries) bytes += payload.length + entryOverheadBytes
      return bytes
    case 'propose':
      for (const { payload } of message.proposals) bytes += payload.length + entryOverheadBytes
      return bytes
    case 'snapshot': {
      const { voters, outgoingVoters, learners, nextLearners } = message.snapshot.membership
      const members = voters.length + outgoingVoters.length + learners.length + nextLearners.length
      return bytes + members * entryOverheadBytes
    }
    default:
      return bytes
  }
}

/** Messages that wait for one peer, bounded by their size. */
export class MessageQueue {
  readonly #maxBytes: number
  readonly #reserveBytes: number
  #messages: Message[] = []
  #sizes: number[] = []
  #head = 0
  #bytes = 0

  /** @param limits.reserveBytes what only messages without payloads may fill */
  constructor(limits: { readonly maxBytes: number; readonly reserveBytes: number }) {
    this.#maxBytes = limits.maxBytes
    this.#reserveBytes = limits.reserveBytes
  }

  get length(): number {
    return this.#messages.length - this.#head
  }

  /** @returns false when there is no place for it */
  push(message: Message): boolean {
    const size = messageBytes(message)
    const hasPayload = message.type === 'append' || message.type === 'propose'
    const maxBytes = hasPayload ? this.#maxBytes - this.#reserveBytes : this.#maxBytes
    if (this.#bytes + size > maxBytes) return false
    this.#messages.push(message)
    this.#sizes.push(size)
    this.#bytes += size
    return true
  }

  /** The oldest messages, as many as stay within `maxBytes`, but one at least if there is one. */
  take(maxBytes: number): readonly Message[] {
    let bytes = 0
    let end = this.#head
    while (end < this.#messages.length) {
      const size = this.#sizes[end] ?? 0
      if (end > this.#head && bytes + size > maxBytes) break
      bytes += size
      end++
    }
    this.#bytes -= bytes
    if (end === this.#messages.length) {
      const rest = this.#head === 0 ? this.#messages : this.#messages.slice(this.#head)
      this.clear()
      return rest
    }
    const taken = this.#messages.slice(this.#head, end)
    this.#head = end
    if (end >= 1_024 && end * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(end)
      this.#sizes = this.#sizes.slice(end)
      this.#head = 0
    }
    return taken
  }

  /** @returns how many were dropped */
  clear(): number {
    const dropped = this.length
    this.#messages = []
    this.#sizes = []
    this.#head = 0
    this.#bytes = 0
    return dropped
  }
}
