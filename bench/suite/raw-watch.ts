import { kvDefinition, watchDefinition } from '@orrery/adapter-etcd'
import { countFields } from './message-fields.ts'
import { RawConnection } from './raw-connection.ts'

/** Watch streams to open. */
export interface WatchTask {
  readonly type: 'watch'
  /** host:port */
  readonly endpoint: string
  readonly connections: number
  /** Of all connections together. */
  readonly streams: number
  /** Whether all watch the key that is put, or each a key of its own. */
  readonly keys: 'one' | 'own'
}

/** Watches that are open. */
export interface Watches {
  /** Puts to the key for so long, and waits for the last event. Unit: ms. */
  put(durationMs: number): Promise<{ readonly calls: number; readonly seconds: number }>
}

const watched = 'watched'
const putsInFlightMax = 100
/** Events that may be on the way, if a put to all streams is not more by itself. */
const eventsInFlightMax = 10_000
// `etcdserverpb.WatchResponse`: events = 11 and canceled = 4, with their wire types.
const eventsTag = 0x5a
const canceledTag = 0x20

/** Opens watch streams, and waits until the server has confirmed all of them. */
export async function openWatches({ endpoint, connections, streams, keys }: WatchTask): Promise<Watches> {
  let events = 0
  let responses = 0
  let onHandled = (): void => {}
  const confirmed = new Promise<void>((resolve) => {
    onHandled = () => {
      if (responses === streams) resolve()
    }
  })
  const listener = {
    message: (_stream: number, bytes: Buffer, start: number, end: number): void => {
      const message = { bytes, start, end }
      responses++
      const found = countFields(message, eventsTag)
      events += found
      if (found === 0 && countFields(message, canceledTag) > 0) throw new Error('a watch was cancelled')
    },
    end: (): void => {
      throw new Error('a watch stream ended')
    },
    handled: (): void => onHandled(),
  }
  const opened: RawConnection[] = []
  for (let i = 0; i < connections; i++) opened.push(await RawConnection.open(endpoint, listener))
  for (let i = 0; i < streams; i++) {
    const key = Buffer.from(keys === 'one' ? watched : `${watched}${i}`)
    const request = watchDefinition.Watch.requestSerialize({ createRequest: { key } })
    opened[i % connections]?.call(watchDefinition.Watch.path, request, false)
  }
  for (const connection of opened) connection.flush()
  await confirmed

  const eventsMax = Math.max(eventsInFlightMax, streams)
  const message = kvDefinition.Put.requestSerialize({
    key: Buffer.from(watched),
    value: new Uint8Array(256).fill(7),
  })
  return {
    put: async (durationMs) => {
      events = 0
      let puts = 0
      let inFlight = 0
      let answers = 0
      let finish = (): void => {}
      const finished = new Promise<void>((resolve) => {
        finish = resolve
      })
      const startMs = performance.now()
      const advance = (): void => {
        const isOver = performance.now() - startMs >= durationMs
        const isAllowed = (): boolean =>
          inFlight < putsInFlightMax && (puts + 1) * streams - events <= eventsMax
        while (!isOver && isAllowed()) {
          writer.call(kvDefinition.Put.path, message, true)
          puts++
          inFlight++
        }
        writer.flush()
        if (isOver && inFlight === 0 && events === puts * streams) finish()
      }
      const writer = await RawConnection.open(endpoint, {
        message: () => answers++,
        end: () => {
          inFlight--
          // A call that failed ends without a message.
          if (answers + inFlight < puts) throw new Error('a put failed')
        },
        handled: advance,
      })
      onHandled = advance
      advance()
      await finished
      const seconds = (performance.now() - startMs) / 1_000
      onHandled = () => {}
      writer.close()
      return { calls: events, seconds }
    },
  }
}
