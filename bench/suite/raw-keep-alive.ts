import { leaseDefinition } from '@orrery/adapter-etcd'
import { countFields } from './message-fields.ts'
import { RawConnection } from './raw-connection.ts'

/** Streams of lease keep-alives to open. */
export interface KeepAliveTask {
  readonly type: 'keepAlive'
  /** host:port */
  readonly endpoint: string
  readonly connections: number
  /** Of all connections together; they keep the leases 1, 2, 3 and so on alive, each its own. */
  readonly streams: number
}

/** Streams that keep leases alive when they are told to. */
export interface KeepAlives {
  /** Sends messages for so long, one at a time on each stream. Unit: ms. */
  renew(durationMs: number): Promise<{ readonly calls: number; readonly seconds: number }>
}

/** One stream, which begins with its first message. */
interface KeepAliveStream {
  readonly connection: RawConnection
  readonly request: Uint8Array
  id: number | undefined
}

const { path, requestSerialize } = leaseDefinition.LeaseKeepAlive
// `etcdserverpb.LeaseKeepAliveResponse`: TTL = 3. It is absent when there is no such lease.
const ttlTag = 0x18

/** Connects. */
export async function openKeepAlives({ endpoint, connections, streams }: KeepAliveTask): Promise<KeepAlives> {
  const state = { isOver: true, inFlight: 0, answers: 0, finish: (): void => {} }
  const send = (stream: KeepAliveStream): void => {
    if (stream.id === undefined) stream.id = stream.connection.call(path, stream.request, false)
    else stream.connection.send(stream.id, stream.request)
    state.inFlight++
  }
  const all: KeepAliveStream[] = []
  for (let i = 0; i < connections; i++) {
    const own: KeepAliveStream[] = []
    const connection = await RawConnection.open(endpoint, {
      message: (stream, bytes, start, end) => {
        if (countFields({ bytes, start, end }, ttlTag) === 0) throw new Error('there is no such lease')
        state.inFlight--
        state.answers++
        // The first call of a connection is 1, the next one 3.
        const answered = own[(stream - 1) / 2]
        if (!state.isOver && answered !== undefined) send(answered)
        if (state.inFlight === 0) state.finish()
      },
      end: () => {
        throw new Error('a stream ended')
      },
      handled: () => {},
    })
    for (let id = i + 1; id <= streams; id += connections) {
      own.push({ connection, request: requestSerialize({ ID: id }), id: undefined })
    }
    all.push(...own)
  }
  return {
    renew: async (durationMs) => {
      state.isOver = false
      state.answers = 0
      const finished = new Promise<void>((resolve) => {
        state.finish = resolve
      })
      const startMs = performance.now()
      for (const stream of all) send(stream)
      for (const { connection } of all) connection.flush()
      setTimeout(() => {
        state.isOver = true
      }, durationMs)
      await finished
      return { calls: state.answers, seconds: (performance.now() - startMs) / 1_000 }
    },
  }
}
