import {
  checkLinearizability,
  checkRevisionOrder,
  checkWatch,
  createLeaseSafetyChecker,
  judge,
  type KeyChange,
  type LeaseObservation,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
  type RevisionChanges,
  type Verdict,
  type WatchObservation,
} from '@orrery/simulation'
import type { Attempt, History } from './history.ts'
import { logOf } from './watchers.ts'

/** What a run left to be judged. */
export interface Evidence {
  readonly history: History
  /** All of them have seen everything up to `revision`. */
  readonly watchers: readonly Pick<WatchObservation, 'name' | 'batches'>[]
  readonly leases: readonly LeaseObservation[]
  /** Of the store, at the end. */
  readonly revision: number
  /** What the store holds at the end. */
  readonly held: readonly KeyChange[]
}

/** Everything that is wrong with a run. */
export function violationsOf({ history, watchers, leases, revision, held }: Evidence): readonly string[] {
  const [first] = watchers
  const log = logOf(first?.batches ?? [])
  const verdicts: readonly (Verdict | string | undefined)[] = [
    checkRevisionOrder(log, history.revised()),
    checkLinearizability(registerModel, registerHistory(history.attempts, log)),
    ...watchers.map(({ name, batches }) =>
      checkWatch(log, {
        name,
        startRevision: 2,
        matches: () => true,
        batches,
        caughtUpRevision: revision,
      }),
    ),
    judge(createLeaseSafetyChecker(), leases),
    checkBefore(log, history.attempts),
    checkOnce(log, history.attempts),
    checkHeld(log, held),
    log.at(-1)?.revision === revision
      ? undefined
      : `the log ends at ${String(log.at(-1)?.revision)}, not ${revision}`,
  ]
  return verdicts.flatMap((verdict) => {
    if (verdict === undefined) return []
    if (typeof verdict === 'string') return [verdict]
    return verdict.type === 'legal' ? [] : [verdict.type === 'illegal' ? verdict.violation : verdict.reason]
  })
}

/** Every transaction saw the state right before its revision. */
function checkBefore(log: readonly RevisionChanges[], attempts: readonly Attempt[]): string | undefined {
  const state = new Map<string, string | undefined>()
  const answers = attempts.flatMap(({ answer }) => (answer === undefined ? [] : [answer]))
  const byRevision = answers.filter(({ before }) => before.length > 0).sort((a, b) => a.revision - b.revision)
  let replayed = 0
  for (const { revision, before } of byRevision) {
    for (let next = log[replayed]; next !== undefined && next.revision < revision; next = log[++replayed]) {
      for (const { key, value } of next.changes) state.set(key, value)
    }
    for (const { key, value } of before) {
      if (state.get(key) === value) continue
      return `revision ${revision} replaced ${key}=${String(value)}, but it was ${String(state.get(key))}`
    }
  }
  return undefined
}

/** What is in the log was wanted, happened once, and after it was asked for; also when nobody was told. */
function checkOnce(log: readonly RevisionChanges[], attempts: readonly Attempt[]): string | undefined {
  const wanted = new Map<string, Attempt>()
  const deletes = new Map<string, number>()
  for (const attempt of attempts) {
    const { wish, answer } = attempt
    if (wish.type === 'delete') {
      const mayHaveDeleted = answer === undefined || answer.changes.length > 0
      if (mayHaveDeleted) deletes.set(wish.key, (deletes.get(wish.key) ?? 0) + 1)
    } else if (wish.type !== 'get')
      for (const key of keysOf(wish)) wanted.set(`${key}=${wish.value}`, attempt)
  }
  const known = knownRevisions(attempts)
  for (const { revision, changes } of log) {
    for (const { key, value } of changes) {
      if (!key.startsWith('key/')) continue
      if (value === undefined) {
        const left = (deletes.get(key) ?? 0) - 1
        if (left < 0) return `revision ${revision} deleted ${key}, which nobody wanted so often`
        deletes.set(key, left)
        continue
      }
      const attempt = wanted.get(`${key}=${value}`)
      if (attempt === undefined) return `revision ${revision} wrote ${key}=${value}, once more or unasked`
      wanted.delete(`${key}=${value}`)
      if (known(attempt.calledAt) >= revision)
        return `revision ${revision} was known before ${key}=${value} was asked`
    }
  }
  return undefined
}

/** The highest revision that was answered before a moment. */
function knownRevisions(attempts: readonly Attempt[]): (at: number) => number {
  const answered = attempts
    .flatMap(({ returnedAt, answer }) =>
      returnedAt === undefined || answer === undefined ? [] : [{ returnedAt, revision: answer.revision }],
    )
    .sort((a, b) => a.returnedAt - b.returnedAt)
  let highest = 0
  const highestAt = answered.map(({ revision }) => (highest = Math.max(highest, revision)))
  return (at) => {
    let [low, high] = [0, answered.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((answered[middle]?.returnedAt ?? Infinity) < at) low = middle + 1
      else high = middle
    }
    return highestAt[low - 1] ?? 0
  }
}

/** The store holds what its history leads to. */
function checkHeld(log: readonly RevisionChanges[], held: readonly KeyChange[]): string | undefined {
  const state = new Map<string, string>()
  for (const { key, value } of log.flatMap(({ changes }) => changes)) {
    if (value === undefined) state.delete(key)
    else state.set(key, value)
  }
  for (const { key, value } of held) {
    if (state.get(key) !== value) return `${key}=${String(value)} is held, but was ${String(state.get(key))}`
    state.delete(key)
  }
  const [lost] = state
  return lost === undefined ? undefined : `${lost.join('=')} was written and is not held`
}

/**
 * What clients did to each key, as operations on registers that hold 0 when they are not there. Who was not
 * answered and left nothing in the log did nothing.
 */
function registerHistory(
  attempts: readonly Attempt[],
  log: readonly RevisionChanges[],
): Operation<RegisterInput, RegisterOutput>[] {
  const changes = log.flatMap((revision) => revision.changes)
  const written = new Set(changes.map(({ key, value }) => `${key}=${String(value)}`))
  return attempts.flatMap(({ wish, calledAt, returnedAt, answer }) => {
    const operation = (
      input: RegisterInput,
      output: RegisterOutput,
    ): Operation<RegisterInput, RegisterOutput> => ({
      input,
      output: answer === undefined ? undefined : output,
      calledAt,
      returnedAt,
    })
    const read = (key: string): Operation<RegisterInput, RegisterOutput> =>
      operation({ type: 'read', key }, Number(answer?.reads[0]?.value ?? 0))
    switch (wish.type) {
      case 'get':
        return answer === undefined || wish.isSerializable ? [] : [read(wish.key)]
      case 'delete':
        if (answer === undefined && !written.has(`${wish.key}=undefined`)) return []
        return [operation({ type: 'write', key: wish.key, value: 0 }, true)]
      case 'put':
      case 'pair':
        return keysOf(wish)
          .filter((key) => answer !== undefined || written.has(`${key}=${wish.value}`))
          .map((key) => operation({ type: 'write', key, value: wish.value }, true))
      case 'cas': {
        const { key, expected, value } = wish
        if (answer === undefined && !written.has(`${key}=${value}`)) return []
        const isDone = answer === undefined || answer.changes.length > 0
        const cas = operation({ type: 'cas', key, expected, value }, isDone)
        return isDone ? [cas] : [cas, read(key)]
      }
    }
  })
}

function keysOf(wish: Exclude<Attempt['wish'], { readonly type: 'get' }>): readonly string[] {
  return wish.type === 'pair' ? wish.keys : [wish.key]
}
