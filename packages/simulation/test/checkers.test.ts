import {
  type Checker,
  type KeyChange,
  type LeaseObservation,
  type RevisedOperation,
  type RevisionChanges,
  type Verdict,
  type WatchObservation,
  checkRevisionOrder,
  checkWatch,
  createElectionSafetyChecker,
  createLeaderCompletenessChecker,
  createLeaseSafetyChecker,
  createLogMatchingChecker,
  createMonotonicityChecker,
  createServedReadChecker,
  createStateMachineSafetyChecker,
  judge,
  type ServedReadObservation,
} from '@orrery/simulation'
import { describe, expect, test } from 'vitest'

function verdict<Observation>(checker: Checker<Observation>, history: readonly Observation[]): string {
  const { type, ...rest } = judge(checker, history)
  return type === 'legal' ? type : `${type}: ${Object.values(rest).join()}`
}

const describeVerdict = (found: Verdict): string => ('violation' in found ? found.violation : found.type)

describe('election safety', () => {
  test('holds while each term has one leader, who may be seen often', () => {
    const history = [
      { term: 1, leaderId: 'a' },
      { term: 3, leaderId: 'b' },
      { term: 1, leaderId: 'a' },
    ]
    expect(verdict(createElectionSafetyChecker(), history)).toBe('legal')
  })

  test('is broken by a second leader of a term, however late', () => {
    const history = [
      { term: 1, leaderId: 'a' },
      { term: 2, leaderId: 'a' },
      { term: 1, leaderId: 'b' },
    ]
    expect(verdict(createElectionSafetyChecker(), history)).toBe('illegal: two leaders in term 1: a and b')
  })
})

describe('log matching', () => {
  const entry = (index: number, term: number, hash: number, previousTerm?: number) => ({
    index,
    term,
    hash,
    previousTerm,
  })

  test('holds for logs that are prefixes of each other, and for a tail that was replaced', () => {
    const history = [
      entry(1, 1, 7, 0),
      entry(2, 1, 8, 1),
      entry(1, 1, 7, 0),
      entry(2, 2, 9, 1),
      entry(2, 1, 8),
    ]
    expect(verdict(createLogMatchingChecker(), history)).toBe('legal')
  })

  test('is broken by two entries of one index and term', () => {
    const history = [entry(1, 1, 7, 0), entry(1, 1, 8, 0)]
    expect(verdict(createLogMatchingChecker(), history)).toBe('illegal: two entries are 1/1')
  })

  test('is broken by an entry that follows different ones', () => {
    const history = [entry(2, 3, 7), entry(2, 3, 7, 1), entry(2, 3, 7, 2)]
    expect(verdict(createLogMatchingChecker(), history)).toContain('follows entries of terms 1 and 2')
  })
})

describe('leader completeness', () => {
  const committed = (index: number, term: number, knownTerm = term) =>
    ({ type: 'committed', index, term, knownTerm }) as const
  const elected = (term: number, log: readonly number[], firstIndex = 1) =>
    ({
      type: 'elected',
      leaderId: 'a',
      term,
      firstIndex,
      termAt: (index: number) => log[index - 1],
    }) as const

  test.each([
    ['has all that is committed', [committed(1, 1), committed(2, 1), elected(2, [1, 1])]],
    ['lacks what was committed later, in a later term', [committed(1, 1), committed(2, 5), elected(3, [1])]],
    ['has compacted it', [committed(1, 1), committed(2, 1), elected(2, [], 3)]],
    ['lacks what was committed in a later term than its own', [committed(1, 1, 4), elected(3, [])]],
  ] as const)('holds when a leader %s', (_, history) => {
    expect(verdict(createLeaderCompletenessChecker(), history)).toBe('legal')
  })

  test.each([
    ['lacks an entry', [committed(1, 1), committed(2, 1), elected(2, [1])], 'nothing where 2/1'],
    ['has another entry', [committed(1, 1), elected(3, [2])], 'an entry of term 2 where 1/1'],
    ['learns late of two', [committed(1, 1), committed(1, 2)], 'both committed at 1'],
  ] as const)('is broken when a leader %s', (_, history, violation) => {
    expect(verdict(createLeaderCompletenessChecker(), history)).toContain(violation)
  })
})

describe('state machine safety', () => {
  const applied = (memberId: string, index: number, hash: number, stateHash?: number) => ({
    memberId,
    index,
    hash,
    ...(stateHash !== undefined && { stateHash }),
  })

  test('holds when all apply the same, also again after a restart', () => {
    const history = [applied('a', 1, 7, 1), applied('b', 1, 7), applied('a', 2, 8, 2), applied('a', 1, 7, 1)]
    expect(verdict(createStateMachineSafetyChecker(), history)).toBe('legal')
  })

  test('is broken by another entry, and by another state', () => {
    const other = [applied('a', 1, 7), applied('b', 1, 8)]
    expect(verdict(createStateMachineSafetyChecker(), other)).toContain('b applied another entry at 1 than a')
    const state = [applied('a', 1, 7, 1), applied('b', 1, 7, 2)]
    expect(verdict(createStateMachineSafetyChecker(), state)).toContain(
      'b is in another state after 1 than a',
    )
  })
})

describe('monotonicity', () => {
  const at = (
    incarnation: number,
    term: number,
    commitIndex: number,
    appliedIndex: number,
    lastIndex = 9,
  ) => ({
    memberId: 'a',
    incarnation,
    term,
    commitIndex,
    appliedIndex,
    lastIndex,
  })

  test('holds while numbers grow, and a new process may know less', () => {
    const history = [at(1, 1, 2, 1), at(1, 2, 2, 2), at(2, 1, 1, 0)]
    expect(verdict(createMonotonicityChecker(), history)).toBe('legal')
  })

  test.each([
    ['a term', [at(1, 2, 2, 2), at(1, 1, 2, 2)], 'term 2 to 1'],
    ['a commit index', [at(1, 2, 3, 2), at(1, 2, 2, 2)], 'commit index 3 to 2'],
    ['an applied index', [at(1, 2, 3, 2), at(1, 2, 3, 1)], 'applied index 2 to 1'],
    ['what is applied over what is committed', [at(1, 2, 3, 4)], 'applied 4'],
    ['what is committed over the log', [at(1, 2, 10, 4)], 'committed 10'],
  ] as const)('is broken by %s', (_, history, violation) => {
    expect(verdict(createMonotonicityChecker(), history)).toContain(violation)
  })
})

const log: readonly RevisionChanges[] = [
  { revision: 2, changes: [{ key: 'a', value: '1' }] },
  {
    revision: 3,
    changes: [
      { key: 'a', value: '2' },
      { key: 'b', value: '1' },
    ],
  },
  { revision: 4, changes: [{ key: 'b', value: undefined }] },
  { revision: 5, changes: [{ key: 'a', value: '3' }] },
]
const changesOf = (revision: number): readonly KeyChange[] => log[revision - 2]?.changes ?? []

describe('revision order', () => {
  const write = (calledAt: number, returnedAt: number, revision: number): RevisedOperation => ({
    calledAt,
    returnedAt,
    revision,
    changes: changesOf(revision),
    reads: [],
  })
  const read = (at: number, revision: number, key: string, value?: string): RevisedOperation => ({
    calledAt: at,
    returnedAt: at + 0.5,
    revision,
    changes: [],
    reads: [{ key, value }],
  })
  const story = [write(1, 2, 2), read(3, 2, 'a', '1'), write(4, 6, 3), write(4, 7, 4), write(8, 9, 5)]
  const violationOf = (...more: readonly RevisedOperation[]): string =>
    describeVerdict(checkRevisionOrder(log, [...story, ...more]))

  test('holds when answers and log tell the same story', () => {
    expect(violationOf(read(4.5, 3, 'b', '1'), read(10, 5, 'b'), read(11, 5, 'a', '3'))).toBe('legal')
    expect(checkRevisionOrder([], [])).toEqual({ type: 'legal' })
  })

  test('lets a serializable read be old', () => {
    expect(violationOf({ ...read(10, 3, 'a', '2'), isSerializable: true })).toBe('legal')
    expect(violationOf({ ...read(10, 3, 'a', '1'), isSerializable: true })).toContain(
      'found a=1, but it was 2',
    )
  })

  test.each([
    ['a stale read', [read(10, 4, 'a', '2')], 'revision 4 was answered to a call made after 5'],
    ['a read of what was not there', [read(10, 5, 'a', '2')], 'found a=2, but it was 3'],
    ['two writes of one revision', [write(10, 11, 5)], 'two writes were answered with revision 5'],
    [
      'a write that is not in the log',
      [{ ...write(10, 11, 6), changes: [{ key: 'c', value: '1' }] }],
      'not in the log',
    ],
  ])('is broken by %s', (_, more, violation) => {
    expect(violationOf(...more)).toContain(violation)
  })

  test('is broken by a write that the log has otherwise, and by a late write of an early revision', () => {
    const [first, ...rest] = story
    if (first === undefined) throw new Error('the story has a beginning')
    const otherwise = { ...first, changes: [{ key: 'a', value: '9' }] }
    expect(describeVerdict(checkRevisionOrder(log, [otherwise, ...rest]))).toContain('wrote a=9')
    const late = { ...first, calledAt: 20, returnedAt: 21 }
    expect(describeVerdict(checkRevisionOrder(log, [...rest, late]))).toContain('after 5 was known')
    const gap = log.filter(({ revision }) => revision !== 3)
    expect(describeVerdict(checkRevisionOrder(gap, []))).toBe('revision 4 comes after 2')
  })
})

describe('a watch', () => {
  type Batch = WatchObservation['batches'][number]
  const batch = (...revisions: readonly number[]): Batch => ({
    changes: revisions.flatMap((revision) => changesOf(revision).map((change) => ({ ...change, revision }))),
  })
  const progress = (revision: number): Batch => ({ changes: [], progress: revision })
  const check = (batches: readonly Batch[], more: Partial<WatchObservation> = {}): string =>
    describeVerdict(checkWatch(log, { name: 'w', startRevision: 2, matches: () => true, batches, ...more }))
  const onlyB = { matches: ({ key }: KeyChange) => key === 'b' }
  const ofB = (revision: number): Batch => ({
    changes: batch(revision).changes.filter(({ key }) => key === 'b'),
  })

  test('is right when all comes in order, in any batches of whole revisions', () => {
    expect(check([batch(2), batch(3), batch(4), batch(5)], { caughtUpRevision: 5 })).toBe('legal')
    expect(check([batch(2, 3), progress(3), batch(4, 5), progress(5)], { caughtUpRevision: 5 })).toBe('legal')
    expect(check([])).toBe('legal')
    expect(check([batch(4), batch(5)], { startRevision: 4, caughtUpRevision: 5 })).toBe('legal')
    expect(check([ofB(3), ofB(4), progress(5)], { ...onlyB, caughtUpRevision: 5 })).toBe('legal')
  })

  const half = (at: number): Batch => ({ changes: batch(3).changes.slice(at, at + 1) })
  const wrong: readonly (readonly [string, readonly Batch[], string, Partial<WatchObservation>?])[] = [
    ['a gap', [batch(2), batch(4)], 'came in place of a=2@3'],
    ['an early beginning', [batch(2)], 'a=1@2 came and was not asked for', { startRevision: 3 }],
    ['a duplicate', [batch(2), batch(3), batch(3)], 'revision 3 was split'],
    ['going back', [batch(2), batch(3), batch(2)], 'came after'],
    ['a split revision', [batch(2), half(0), half(1)], 'revision 3 was split'],
    [
      'a wrong order within a revision',
      [batch(2), { changes: [...batch(3).changes].reverse() }],
      'came in place of',
    ],
    ['progress too early', [batch(2), progress(3)], 'progress 3 came before'],
    ['a change after progress', [batch(2), progress(2), batch(2)], 'came after progress 2'],
    ['what it did not ask for', [batch(3)], 'came in place of', onlyB],
    [
      'a value that never was',
      [{ changes: [{ key: 'a', value: '9', revision: 2 }] }],
      'came in place of a=1@2',
    ],
    ['a loss at the end', [batch(2, 3)], 'b=undefined@4 never came', { caughtUpRevision: 4 }],
  ]
  test.each(wrong.map(([name, ...rest]) => ({ name, rest })))('is wrong after $name', ({ rest }) => {
    const [batches, violation, more] = rest
    expect(check(batches, more)).toContain(violation)
  })
})

describe('served reads', () => {
  const served = (
    revision: number,
    [calledAt, returnedAt]: readonly [number, number],
    incarnation = 1,
    memberId = 'm1',
  ): ServedReadObservation => ({ memberId, incarnation, calledAt, returnedAt, revision })
  const violationOf = (...history: readonly ServedReadObservation[]): string =>
    verdict(createServedReadChecker(), history)

  test('may show less elsewhere, to later processes, and to whom was asked at the same time', () => {
    expect(violationOf(served(5, [1, 2]), served(5, [3, 4]), served(7, [5, 6]))).toBe('legal')
    expect(violationOf(served(5, [1, 2]), served(3, [3, 4], 2), served(2, [5, 6], 1, 'm2'))).toBe('legal')
    expect(violationOf(served(5, [1, 3]), served(4, [2, 4]))).toBe('legal')
  })

  test('are broken by less than was shown before', () => {
    const wrong = 'm1 showed revision 4 to a read that was asked for after it had shown 5'
    expect(violationOf(served(5, [1, 2]), served(4, [3, 4]))).toContain(wrong)
    expect(violationOf(served(5, [1, 2]), served(9, [1, 5]), served(4, [3, 6]))).toContain(wrong)
  })
})

describe('lease safety', () => {
  const granted = (at: number, ttlMs = 10): LeaseObservation => ({
    type: 'granted',
    leaseId: '7',
    calledAtMs: at,
    ttlMs,
  })
  const renewed = (at: number, ttlMs = 10): LeaseObservation => ({
    type: 'renewed',
    leaseId: '7',
    calledAtMs: at,
    ttlMs,
  })
  const key = (type: 'attached' | 'detached', name: string): LeaseObservation => ({
    type,
    leaseId: '7',
    key: name,
  })
  const revoked = (
    atMs: number,
    cause: 'expired' | 'client' = 'expired',
    deletedKeys: readonly string[] = [],
  ): LeaseObservation => ({ type: 'revoked', leaseId: '7', cause, atMs, deletedKeys })
  const violationOf = (...history: readonly LeaseObservation[]): string =>
    verdict(createLeaseSafetyChecker({ driftMax: 0.001 }), history)

  test('holds when a lease lives as long as promised and goes with its keys', () => {
    expect(violationOf(granted(0), renewed(5), revoked(15))).toBe('legal')
    expect(violationOf(granted(0), revoked(3, 'client'), granted(4), revoked(15))).toBe('legal')
    expect(
      violationOf(
        granted(0),
        key('attached', 'a'),
        key('attached', 'b'),
        key('detached', 'a'),
        revoked(11, 'expired', ['b']),
      ),
    ).toBe('legal')
    expect(violationOf(granted(0), revoked(11), renewed(10.9))).toBe('legal')
  })

  test('lets a fast clock take a little of a long time', () => {
    expect(violationOf(granted(0, 10_000), revoked(9_991))).toBe('legal')
    expect(violationOf(granted(0, 10_000), revoked(9_980))).toContain('expired at 9980')
  })

  test.each([
    ['an early end', [granted(0), renewed(5), revoked(12)], 'promised until'],
    [
      'a renewal after the end',
      [granted(0), revoked(11), renewed(12)],
      'renewed at 12 after it was revoked at 11',
    ],
    ['a second end', [granted(0), revoked(11), revoked(12)], 'is not there'],
    ['a second grant', [granted(0), granted(1)], 'granted twice'],
    ['a renewal of nothing', [renewed(1)], 'never granted'],
    ['a key of no lease', [key('attached', 'a')], 'not there'],
    ['keys that stay behind', [granted(0), key('attached', 'a'), revoked(11)], 'went with keys , not a'],
    ['keys that it did not have', [granted(0), revoked(11, 'expired', ['a'])], 'went with keys a, not '],
  ] as readonly (readonly [string, readonly LeaseObservation[], string])[])(
    'is broken by %s',
    (_, history, violation) => {
      expect(violationOf(...history)).toContain(violation)
    },
  )
})
