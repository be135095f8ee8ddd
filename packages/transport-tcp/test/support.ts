import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock, Environment, Timer } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { createRecordingLogger } from '@orrery/environment/testing'
import { Trial, type TrialMember } from '@orrery/raft-node/testing'
import {
  createTcpTransport,
  type TcpTransport,
  type TcpTransportOptions,
  type TlsCredentials,
} from '../src/index.ts'
import { FrameReader } from '../src/frame.ts'

export const host = '127.0.0.1'

/** Where an address that a law gives says. */
export function listenAt(address: string | undefined) {
  return { host, port: Number(address?.split(':')[1] ?? 0) }
}

interface Due {
  readonly atMs: number
  readonly callback: () => void
}

/** Real sockets and turns, but timers that a test decides about. */
export function createStillTimers() {
  const { clock: real } = systemEnvironment()
  const timers = new Set<Due>()
  let nowMs = 0
  const clock: Clock = {
    nowMs: () => nowMs,
    wallMs: () => real.wallMs(),
    setTimer: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
    defer: (callback) => real.defer(callback),
  }
  /** Lets time pass at once: what is due runs, each timer once and perhaps late, as after a pause. */
  const advance = (ms: number): void => {
    nowMs += ms
    for (const timer of [...timers]) {
      if (timer.atMs <= nowMs && timers.delete(timer)) timer.callback()
    }
  }
  return { clock, advance }
}

/** The real clock, which knows what it still has to do. */
export function createCountingClock() {
  const { clock: real } = systemEnvironment()
  const waiting = new Set<object>()
  const count = (begin: (callback: () => void) => Timer, callback: () => void): Timer => {
    const timer = begin(() => {
      waiting.delete(entry)
      callback()
    })
    const entry: Timer = {
      cancel: () => {
        waiting.delete(entry)
        timer.cancel()
      },
    }
    waiting.add(entry)
    return entry
  }
  const clock: Clock = {
    nowMs: () => real.nowMs(),
    wallMs: () => real.wallMs(),
    setTimer: (delayMs, callback) => count((run) => real.setTimer(delayMs, run), callback),
    defer: (callback) => count((run) => real.defer(run), callback),
  }
  return { clock, pending: () => waiting.size }
}

/** What a test makes transports of. */
export interface Setup {
  readonly options?: TcpTransportOptions
  readonly tls?: TlsCredentials
  readonly clock?: Clock
}

/** Members over TCP; their transports and what they log can be looked at. */
export class TcpTrial extends Trial {
  readonly logger = createRecordingLogger()
  readonly transports: TcpTransport[]
  /** For the transports that are created next. */
  setup: Setup

  constructor(setup: Setup = {}) {
    const transports: TcpTransport[] = []
    super({
      create: (address) => {
        const transport = this.#create(address)
        transports.push(transport)
        return transport
      },
      pass: (ms) => sleep(ms),
    })
    this.transports = transports
    this.setup = setup
  }

  /** The transport of a member, with what only a TCP transport has. */
  tcp(member: TrialMember): TcpTransport {
    const found = this.transports.find((each) => each === member.transport)
    if (found === undefined) throw new Error('not a member of this trial')
    return found
  }

  portOf(member: TrialMember): number {
    return listenAt(member.transport.address).port
  }

  #create(address: string | undefined): TcpTransport {
    const { options, tls, clock } = this.setup
    const environment: Environment = systemEnvironment({
      logger: this.logger,
      ...(clock === undefined ? {} : { clock }),
    })
    return createTcpTransport(
      { listen: listenAt(address), environment, ...(tls === undefined ? {} : { tls }) },
      { reconnectMinMs: 5, reconnectMaxMs: 20, ...options },
    )
  }
}

/** Somebody with a socket who says what it wants. */
export class RawPeer {
  readonly socket: Socket
  readonly received: Buffer[] = []
  isClosed = false

  constructor(port: number) {
    this.socket = connect(port, host)
    this.socket.on('error', () => {})
    this.socket.on('data', (chunk: Buffer) => this.received.push(chunk))
    this.socket.on('close', () => {
      this.isClosed = true
    })
  }

  say(...parts: readonly Uint8Array[]): void {
    for (const part of parts) this.socket.write(part)
  }

  /** The frames that it was told. */
  frames(): { readonly type: number; readonly body: Buffer }[] {
    const frames: { type: number; body: Buffer }[] = []
    new FrameReader(2 ** 30).read(
      Buffer.concat(this.received),
      (type, body) => frames.push({ type, body }) > 0,
    )
    return frames
  }
}

/** Something between two members that can fall silent without hanging up. */
export async function createProxy(targetPort: number) {
  const sockets = new Set<Socket>()
  let isFrozen = false
  let accepted = 0
  const server = createServer((near) => {
    accepted++
    const far = connect(targetPort, host)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.on('data', (chunk: Buffer) => {
        if (!isFrozen) to.write(chunk)
      })
    }
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    address: `${host}:${port}`,
    get accepted() {
      return accepted
    },
    freeze: () => {
      isFrozen = true
    },
    thaw: () => {
      isFrozen = false
    },
    stopReading: () => {
      for (const socket of sockets) socket.pause()
    },
    readOn: () => {
      for (const socket of sockets) socket.resume()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Somebody who accepts connections and says nothing. */
export async function listenSilently() {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
  })
  server.listen(0, host)
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { address: `${host}:${(server.address() as AddressInfo).port}`, sockets, close }
}
