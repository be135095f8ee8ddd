import type { MemberId } from '@orrery/raft'
import { type OutgoingSnapshot, TransportError } from '@orrery/raft-node'
import { lost, unexpected } from './connection.ts'
import type { Connection, ConnectionUser } from './connection.ts'
import type { Desk } from './desk.ts'
import { dial } from './dial.ts'
import { frameType } from './frame.ts'
import { decodeReason, encodeReason } from './handshake.ts'
import { malformed } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import type { Settle } from './settle.ts'

/** Chunks are cut into frames of at most this, so that the receiver's window is used evenly. Unit: bytes. */
const pieceMaxBytes = 256 * 1024

/** Whom a snapshot goes to. */
export interface SnapshotTarget {
  readonly to: MemberId
  readonly addresses: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/**
 * Sends a snapshot over a connection of its own. Resolves when the receiver has it safe.
 *
 * @throws TransportError `TRANSPORT_UNREACHABLE`, `TRANSPORT_REFUSED`, `TRANSPORT_CLOSED`; the error of its
 * content; or the reason of the signal
 */
export async function sendSnapshot(
  desk: Desk,
  target: SnapshotTarget,
  snapshot: OutgoingSnapshot,
): Promise<void> {
  const { to: expected, addresses, signal } = target
  const { header, content } = snapshot
  if (header.length > desk.options.frameMaxBytes) {
    throw new TransportError('TRANSPORT_REFUSED', `the header of the snapshot has ${header.length} bytes`)
  }
  const { connection } = await dial(desk, { addresses, expected, purpose: 'snapshot', signal })
  const transfer = new Transfer(desk, { connection, content, signal, addresses })
  connection.write(frameType.snapshotHeader, header)
  await transfer.done
}

class Transfer implements ConnectionUser {
  readonly done: Promise<undefined>
  readonly #desk: Desk
  readonly #connection: Connection
  readonly #source: AsyncIterator<Uint8Array>
  readonly #signal: AbortSignal | undefined
  readonly #addresses: readonly string[]
  #settle: Settle<undefined> | undefined
  #creditBytes = 0
  #onCredit: (() => void) | undefined

  constructor(
    desk: Desk,
    parts: {
      readonly connection: Connection
      readonly content: AsyncIterable<Uint8Array>
      readonly signal: AbortSignal | undefined
      readonly addresses: readonly string[]
    },
  ) {
    this.#desk = desk
    this.#connection = parts.connection
    this.#source = parts.content[Symbol.asyncIterator]()
    this.#signal = parts.signal
    this.#addresses = parts.addresses
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#connection.use(this, desk.options.frameMaxBytes)
    if (this.#signal?.aborted === true) this.#onAbort()
    void this.#pump()
  }

  onFrame(type: number, body: Buffer): void {
    switch (type) {
      case frameType.snapshotCredit:
        if (body.length !== 4) throw malformed('a credit of nothing')
        this.#creditBytes += body.readUInt32LE(0)
        this.#onCredit?.()
        return
      case frameType.snapshotDone:
        this.#end()?.resolve(undefined)
        this.#connection.destroy(lost('the snapshot is there'))
        return
      case frameType.snapshotFailed:
        this.#connection.destroy(new TransportError('TRANSPORT_REFUSED', decodeReason(body)))
        return
      default:
        throw unexpected(type)
    }
  }

  onRefused(refusal: Refusal): void {
    this.#desk.noteRefusal(refusal, this.#addresses.join(', '))
  }

  onEnd(error: TransportError): void {
    this.#end()?.reject(error)
  }

  readonly #onAbort = (): void => this.#giveUp(this.#signal?.reason)

  /** Tells both ends that the rest does not come. */
  #giveUp(error: unknown): void {
    this.#end()?.reject(error)
    const reason = error instanceof Error ? error.message : String(error)
    this.#connection.finish(frameType.snapshotAbort, encodeReason(reason), lost('the sender gave up'))
  }

  #end(): Settle<undefined> | undefined {
    const settle = this.#settle
    if (settle === undefined) return undefined
    this.#settle = undefined
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#onCredit?.()
    // A source that fails while it is released was not needed any more.
    this.#source.return?.().catch(() => {})
    return settle
  }

  get #isOver(): boolean {
    return this.#settle === undefined
  }

  async #pump(): Promise<void> {
    try {
      for (;;) {
        const next = await this.#source.next()
        if (this.#isOver) return
        if (next.done === true) break
        await this.#write(next.value)
      }
      this.#connection.write(frameType.snapshotEnd)
    } catch (error) {
      this.#giveUp(error)
    }
  }

  async #write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      while (this.#creditBytes === 0 && !this.#isOver) {
        await new Promise<void>((resolve) => {
          this.#onCredit = resolve
        })
      }
      if (this.#isOver) return
      const bytes = Math.min(
        this.#creditBytes,
        pieceMaxBytes,
        this.#desk.options.frameMaxBytes,
        chunk.length - at,
      )
      this.#connection.write(frameType.snapshotChunk, chunk.subarray(at, at + bytes))
      this.#creditBytes -= bytes
      at += bytes
    }
  }
}
