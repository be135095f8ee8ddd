import type { Endpoint, RawStream } from './endpoint.ts'
import { type Fields, printable } from './wire.ts'

/** How long an expected message may take before it counts as lost; usual are 100 ms. Unit: ms. */
const patienceMs = 30_000

/** One event as text, ready to be compared. */
export interface SeenEvent {
  readonly revision: number
  readonly isDeletion: boolean
  readonly event: unknown
}

/** What one server sent on the watch stream of a round. */
export interface WatchSession {
  send(request: Fields): void
  /** Responses without events, in order of arrival: created, canceled, progress. */
  readonly controls: readonly Readonly<Record<string, unknown>>[]
  /** Events by watch id, in order of arrival. */
  readonly events: ReadonlyMap<string, readonly SeenEvent[]>
  /** Waits until `condition` holds. False when the server did not get there in time. */
  until(condition: () => boolean): Promise<boolean>
  /** What this server did against the guarantees of watching, by itself. */
  readonly violations: readonly string[]
  /** Forgets everything seen so far. */
  clear(): void
  close(): void
}

interface WireEvent {
  readonly type?: number
  readonly kv: { readonly mod_revision: string }
}

/** Opens a watch stream and collects what comes. */
export function openWatchSession(endpoint: Endpoint): WatchSession {
  const controls: Readonly<Record<string, unknown>>[] = []
  const events = new Map<string, SeenEvent[]>()
  const lastRevisions = new Map<string, number>()
  /** Watches whose last response is to be continued. */
  const fragmented = new Set<string>()
  const violations: string[] = []
  let wake: (() => void) | undefined
  let closed = false

  const take = (response: Readonly<Record<string, unknown>>): void => {
    const batch = response['events'] as readonly WireEvent[] | undefined
    const id = (response['watch_id'] as string | undefined) ?? '0'
    if (batch === undefined) {
      controls.push(response)
      if (response['created'] === true) lastRevisions.delete(id)
      return
    }
    const seen = events.get(id) ?? []
    events.set(id, seen)
    const before = lastRevisions.get(id) ?? 0
    const continued = fragmented.has(id)
    if (response['fragment'] === true) fragmented.add(id)
    else fragmented.delete(id)
    for (const event of batch) {
      const revision = Number(event.kv.mod_revision)
      // Atomic: a revision that began in an earlier response goes on in this one only if that was a fragment.
      const atomic = revision > before || (continued && revision === before)
      const inOrder = atomic && revision >= (lastRevisions.get(id) ?? 0)
      if (!inOrder) violations.push(`watch ${id} went from ${lastRevisions.get(id) ?? 0} to ${revision}`)
      lastRevisions.set(id, revision)
      seen.push({ revision, isDeletion: event.type === 1, event })
    }
    const header = response['header'] as { readonly revision?: string } | undefined
    if (Number(header?.revision ?? 0) < (lastRevisions.get(id) ?? 0)) {
      violations.push(`a response is older than its events: ${printable(response)}`)
    }
  }

  const stream: RawStream = endpoint.watch({
    message: (response) => {
      take(response)
      wake?.()
    },
    end: (answer) => {
      if (!closed) violations.push(`the stream ended: ${printable(answer)}`)
      wake?.()
    },
  })

  const until = async (condition: () => boolean): Promise<boolean> => {
    const deadline = performance.now() + patienceMs
    while (!condition()) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) return false
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return true
  }

  return {
    send: (request) => stream.write(request),
    controls,
    events,
    until,
    violations,
    clear: () => {
      controls.length = 0
      events.clear()
    },
    close: () => {
      closed = true
      stream.cancel()
    },
  }
}
