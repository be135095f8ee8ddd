import { connect, type Socket } from 'node:net'
import { conductOf } from './raw-conduct.ts'
import {
  dataFrame,
  errorName,
  flag,
  frame,
  type FrameParts,
  frameType,
  pingFrame,
  preface,
  setting,
  settingsAck,
  settingsFrame,
} from './raw-frames.ts'
import { ReceivedFrames, type ReceivedFrame } from './raw-received.ts'
import { StreamAnswer } from './raw-answer.ts'

/** How a {@link RawConnection} is opened. */
export interface RawConnectionOptions {
  readonly port: number
  /** Whether SETTINGS and PING are acknowledged. @defaultValue `true` */
  readonly polite?: boolean
  /** Whether the client closes when it is told why the server will; not every server does then. @defaultValue `false` */
  readonly leavesOnGoAway?: boolean
  /** How long to wait for what a test expects, before it fails with what came instead. Unit: ms. */
  readonly patienceMs?: number
}

interface Waiter {
  readonly look: () => boolean
  readonly fail: (error: Error) => void
}

/** A client that writes what a test tells it to write, frame by frame, and keeps all frames that come. */
export class RawConnection implements AsyncDisposable {
  readonly socket: Socket
  /** Everything that was received, in order. A header block is one HEADERS frame, also if it came in several. */
  readonly frames: ReceivedFrame[] = []
  /** What a server must never do, if it did it. */
  readonly violations: string[] = []
  /** Settles when the connection is closed, by whomever. */
  readonly closed: Promise<void>
  isClosed = false

  /** What the server let the client send on all streams, beyond the initial window. Unit: bytes. */
  windowBytes = 0

  readonly #polite: boolean
  readonly #leavesOnGoAway: boolean
  readonly #patienceMs: number
  readonly #received = new ReceivedFrames()
  readonly #answers = new Map<number, StreamAnswer>()
  readonly #conduct = conductOf(this.violations)
  readonly #waiters = new Set<Waiter>()
  #pings = 0
  #uploadedBytes = 0

  private constructor(
    socket: Socket,
    { polite = true, leavesOnGoAway = false, patienceMs = 10_000 }: RawConnectionOptions,
  ) {
    this.socket = socket
    this.#polite = polite
    this.#leavesOnGoAway = leavesOnGoAway
    this.#patienceMs = patienceMs
    socket.on('data', (chunk) => {
      this.#onData(chunk)
    })
    // A reset is one way of closing; whoever minds looks at the frames.
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isClosed = true
        this.#wake()
        resolve()
      })
    })
  }

  /** Connects, and sends nothing. */
  static async open(options: RawConnectionOptions): Promise<RawConnection> {
    const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true })
    const connection = new RawConnection(socket, options)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return connection
  }

  /** Connects, and exchanges the preface and SETTINGS. */
  static async start(
    options: RawConnectionOptions,
    ...settings: readonly (readonly [id: number, value: number])[]
  ): Promise<RawConnection> {
    const connection = await RawConnection.open(options)
    connection.write(preface, settingsFrame(...settings))
    await connection.frame(({ type, flags }) => type === frameType.settings && (flags & flag.ack) !== 0)
    return connection
  }

  /** Sends bytes. */
  write(...bytes: readonly Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes))
  }

  /** Sends a frame of any form. */
  writeFrame(parts: FrameParts): void {
    this.write(frame(parts))
  }

  /**
   * The first frame that was or will be received and that `matches`.
   *
   * @throws Error when the connection closes without one, or none comes for too long
   */
  async frame(matches: (frame: ReceivedFrame) => boolean, { after = 0 } = {}): Promise<ReceivedFrame> {
    let found: ReceivedFrame | undefined
    let next = after
    await this.until(() => {
      while (found === undefined && next < this.frames.length) {
        const candidate = this.frames[next++]
        if (candidate !== undefined && matches(candidate)) found = candidate
      }
      return found !== undefined
    }, String(matches))
    if (found === undefined) throw new Error('unreachable')
    return found
  }

  /**
   * Waits until `holds` does, which is asked again after everything that is received or uploaded.
   *
   * @throws Error when the connection closes first, or when it takes too long
   */
  until(holds: () => boolean, what = String(holds)): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const settle = (then: () => void): void => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
        then()
      }
      const fail = (error: Error): void => {
        settle(() => {
          reject(error)
        })
      }
      const waiter: Waiter = {
        look: () => {
          if (holds()) settle(resolve)
          return this.isClosed
        },
        fail,
      }
      const timer = setTimeout(() => {
        fail(new Error(`nothing for ${this.#patienceMs} ms while waiting for ${what}, but ${this.story()}`))
      }, this.#patienceMs)
      this.#waiters.add(waiter)
      if (this.isClosed) fail(new Error(`closed before ${what}, after ${this.story()}`))
    })
  }

  /** Streams on which something was received. */
  get streamIds(): number[] {
    return [...this.#answers.keys()]
  }

  /** Waits until the connection is closed. @throws Error when it takes too long */
  untilClosed(): Promise<void> {
    return this.until(() => this.isClosed, 'the end of the connection')
  }

  /** What was received on a stream so far. */
  stream(streamId: number): StreamAnswer {
    let answer = this.#answers.get(streamId)
    if (answer === undefined) this.#answers.set(streamId, (answer = new StreamAnswer()))
    return answer
  }

  /** Waits until the server has ended or reset a stream. */
  async answer(streamId: number): Promise<StreamAnswer> {
    const stream = this.stream(streamId)
    await this.until(() => stream.isSettled, `the end of stream ${streamId}`)
    return stream
  }

  /** Waits until the server has dealt with everything that was sent so far. */
  async roundTrip(): Promise<void> {
    const name = String(++this.#pings).padEnd(8)
    this.write(pingFrame(name))
    await this.frame(({ type, payload }) => type === frameType.ping && payload.toString('latin1') === name, {
      after: this.frames.length,
    })
  }

  /** What a setting of the server's first SETTINGS says. */
  setting(id: number): number | undefined {
    const payload = this.frames.find(({ type }) => type === frameType.settings)?.payload ?? Buffer.alloc(0)
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) === id) return payload.readUInt32BE(at + 2)
    }
    return undefined
  }

  /** What the windows let the client send on a stream, if all that was sent went through `upload`. Unit: bytes. */
  uploadableBytes(streamId: number): number {
    const { uploadedBytes, windowBytes } = this.stream(streamId)
    const streamWindow = (this.setting(setting.initialWindowSize) ?? 65_535) + windowBytes - uploadedBytes
    return Math.min(streamWindow, 65_535 + this.windowBytes - this.#uploadedBytes)
  }

  /** Sends DATA, as the windows of the server allow it. */
  async upload(streamId: number, content: Uint8Array, { endStream = false } = {}): Promise<void> {
    const stream = this.stream(streamId)
    for (let at = 0; at < content.length; ) {
      await this.until(() => this.uploadableBytes(streamId) > 0, `a window for stream ${streamId}`)
      const end = Math.min(content.length, at + Math.min(16_384, this.uploadableBytes(streamId)))
      this.write(
        dataFrame(streamId, content.subarray(at, end), { endStream: endStream && end === content.length }),
      )
      this.#uploadedBytes += end - at
      stream.uploadedBytes += end - at
      this.#wake()
      at = end
    }
  }

  /** The error of the last GOAWAY, if there was one. */
  get goAway(): string | undefined {
    const last = this.frames.findLast(({ type }) => type === frameType.goAway)
    return last === undefined ? undefined : errorName(last.payload.readUInt32BE(4))
  }

  /** Frames, one word each, for the message of a failed test. */
  story(): string {
    const words = this.frames.slice(-20).map(({ type, flags, streamId, payload }) => {
      const name = Object.entries(frameType).find(([, value]) => value === type)?.[0] ?? `type ${type}`
      return `${name}(${streamId}, flags ${flags}, ${payload.length} bytes)`
    })
    return `[${words.join(', ')}]${this.isClosed ? ' and the end' : ''}`
  }

  /** Cuts the connection. */
  async close(): Promise<void> {
    this.socket.destroy()
    await this.closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #onData(chunk: Buffer): void {
    try {
      for (const received of this.#received.read(chunk)) this.#onFrame(received)
    } catch (error) {
      this.violations.push(String(error))
      this.socket.destroy()
    }
    if (this.#leavesOnGoAway && (this.goAway ?? 'NO_ERROR') !== 'NO_ERROR') this.socket.destroy()
    this.#wake()
  }

  #onFrame(received: ReceivedFrame): void {
    this.frames.push(received)
    this.#conduct(received)
    if (received.streamId !== 0) this.stream(received.streamId).take(received)
    else if (received.type === frameType.windowUpdate) this.windowBytes += received.payload.readUInt32BE(0)
    if (this.#polite) this.#acknowledge(received)
  }

  #acknowledge({ type, flags, payload }: ReceivedFrame): void {
    if ((flags & flag.ack) !== 0) return
    if (type === frameType.settings) this.write(settingsAck)
    if (type === frameType.ping) this.writeFrame({ type, flags: flag.ack, payload })
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) {
      const over = waiter.look()
      if (over && this.#waiters.has(waiter)) waiter.fail(new Error(`closed, after ${this.story()}`))
    }
  }
}
