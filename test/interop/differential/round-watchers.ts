import type { Coverage } from './coverage.ts'
import { contains, type KeyRange, keyPool } from './keys.ts'
import { type DisputedDeletion, differenceOfEvents, sameControls } from './known-differences.ts'
import { Mismatch, type Pair, type Place } from './pair.ts'
import type { KnownWatcher, Step } from './step.ts'
import { openWatchSession, type WatchSession } from './watch-session.ts'
import { bytes, type Fields, printable, resolve } from './wire.ts'

/** The watch streams of one round, one on each server, and what is known about their watchers. */
export interface RoundWatchers {
  /** Sends one message on both streams and compares what it causes. */
  send(step: Extract<Step, { readonly type: 'watch' }>, place: Place, revision: number): Promise<void>
  alive(): readonly KnownWatcher[]
  /** Tells that events may be on their way. */
  outstanding(): void
  needBarrier(): boolean
  /** Keys that have to be deleted for watchers that see no puts. */
  keysToDelete(): readonly string[]
  /** Waits for the last event of every watcher and compares all of them. */
  compare(barrier: Barrier): Promise<void>
  close(): void
}

export interface Barrier extends Place {
  /** Revision of the put of all keys, counted from the base. */
  readonly putRevision: number
  /** Keys deleted one revision later. */
  readonly deleted: readonly string[]
}

type Control = Readonly<Record<string, unknown>>

/** Opens the streams when they are first used. */
export function createRoundWatchers(pair: Pair, coverage: Coverage): RoundWatchers {
  let sessions: readonly [WatchSession, WatchSession] | undefined
  const watchers = new Map<string, KnownWatcher>()
  /** By watch id. */
  const disputed = new Map<string, DisputedDeletion>()
  let outstanding = false
  let controlsCompared = 0

  const open = (): readonly [WatchSession, WatchSession] =>
    (sessions ??= [openWatchSession(pair.a), openWatchSession(pair.b)])

  const fail = (what: string): never => {
    const [a, b] = open()
    throw new Mismatch(
      'Watch',
      [
        what,
        `  ${pair.a.name}: ${printable(a.controls.slice(controlsCompared))} ${a.violations.join('; ')}`,
        `  ${pair.b.name}: ${printable(b.controls.slice(controlsCompared))} ${b.violations.join('; ')}`,
      ].join('\n'),
    )
  }

  /** The next response without events of each server. */
  const nextControls = async (why: string): Promise<readonly [Control, Control]> => {
    const [a, b] = open()
    const index = controlsCompared
    const arrived = await Promise.all(
      [a, b].map((session) => session.until(() => session.controls.length > index)),
    )
    const [first, second] = [a.controls[index], b.controls[index]]
    if (!arrived.every(Boolean) || first === undefined || second === undefined)
      return fail(`${why} was not answered`)
    if (!sameControls(first, second)) return fail(`${why} was answered differently`)
    controlsCompared += 1
    return [first, second]
  }

  const create = async (request: Fields, place: Place, revision: number, why: string): Promise<string> => {
    const [created] = await nextControls(why)
    if (created['canceled'] === true) return `refused: ${String(created['cancel_reason'])}`
    const start = Number(request['start_revision'] ?? 0) - place.base
    const id = idOf(created)
    if (Number(request['start_revision']) !== 0 && start < place.compacted) {
      await nextControls(`${why}, then`)
      return 'compacted'
    }
    if (start === place.compacted) disputed.set(id, { revision: start + place.base })
    const filters = (request['filters'] ?? []) as readonly number[]
    const startRevision = Number(request['start_revision']) === 0 ? revision + 1 : start
    watchers.set(id, {
      id,
      range: watchedRange(request),
      startRevision,
      puts: !filters.includes(0),
      deletes: !filters.includes(1),
    })
    if (startRevision <= revision) outstanding = true
    return 'created'
  }

  return {
    send: async (step, place, revision) => {
      const request = resolve(step.request, place.base)
      const why = `watch request ${printable(request)}`
      for (const session of open()) session.send(request)
      let outcome = 'ignored'
      const cancel = request['cancel_request'] as Fields | undefined
      if (request['create_request'] !== undefined) {
        outcome = await create(request['create_request'] as Fields, place, revision, why)
      } else if (cancel !== undefined && watchers.delete(idOf(cancel))) {
        await nextControls(why)
        outcome = 'canceled'
      } else if (request['progress_request'] !== undefined) {
        await nextControls(why)
        outcome = 'progress'
      }
      coverage.count(step.labels, outcome)
    },
    alive: () => [...watchers.values()],
    outstanding: () => {
      outstanding = true
    },
    needBarrier: () => outstanding && watchers.size > 0,
    keysToDelete: () => {
      const keys = new Set<string>()
      for (const { puts, deletes, range } of watchers.values()) {
        const key = puts || !deletes ? undefined : keyPool.find((candidate) => contains(range, candidate))
        if (key !== undefined) keys.add(key)
      }
      return [...keys]
    },
    compare: async (barrier) => {
      const [a, b] = open()
      for (const watcher of watchers.values()) {
        const last = lastRevision(watcher, barrier)
        if (last === undefined) continue
        for (const session of [a, b]) {
          const arrived = await session.until(
            () => (session.events.get(watcher.id)?.at(-1)?.revision ?? 0) >= last + barrier.base,
          )
          if (!arrived) {
            const reached = [a, b].map(({ events }) => events.get(watcher.id)?.at(-1)?.revision ?? 'nothing')
            const expected = last + barrier.base
            fail(`watch ${printable(watcher)} ended at ${reached.join(' and ')}, not ${expected}`)
          }
        }
      }
      if (a.controls.length !== b.controls.length || a.controls.length !== controlsCompared) {
        fail('there are unexpected responses')
      }
      if (a.violations.length + b.violations.length > 0) fail('a guarantee of watching was broken')
      for (const id of new Set([...a.events.keys(), ...b.events.keys()])) {
        const [left, right] = [a.events.get(id) ?? [], b.events.get(id) ?? []]
        const difference = differenceOfEvents(left, right, {
          disputed: disputed.get(id),
          compacted: barrier.base + barrier.compacted,
        })
        if (difference !== undefined)
          fail(`watch ${id} ${printable(watchers.get(id))} delivered differently:\n${difference}`)
        coverage.count(['events'], 'compared')
      }
      for (const session of [a, b]) session.clear()
      controlsCompared = 0
      outstanding = false
    },
    close: () => {
      for (const session of sessions ?? []) session.close()
    },
  }
}

function idOf(message: Readonly<Record<string, unknown>>): string {
  const id = message['watch_id']
  return typeof id === 'string' || typeof id === 'number' ? String(id) : '0'
}

/** A watcher without key watches from the first key on. */
function watchedRange(request: Fields): KeyRange {
  const key = request['key'] as Uint8Array
  const end = request['range_end'] as Uint8Array | undefined
  const from = key.length === 0 ? bytes('\0') : key
  return end === undefined ? { key: from } : { key: from, range_end: end }
}

/** Revision of the last event that a barrier causes for a watcher, counted from the base. */
function lastRevision(watcher: KnownWatcher, { putRevision, deleted }: Barrier): number | undefined {
  const { range, startRevision, puts, deletes } = watcher
  if (deletes && deleted.some((key) => contains(range, key)) && startRevision <= putRevision + 1) {
    return putRevision + 1
  }
  const sees = puts && keyPool.some((key) => contains(range, key)) && startRevision <= putRevision
  return sees ? putRevision : undefined
}
