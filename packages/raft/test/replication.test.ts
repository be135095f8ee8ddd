import type { Message } from '@orrery/raft'
import { expect, test } from 'vitest'
import { around, Cluster } from './support/cluster.ts'
import { command } from './support/member.ts'
import {
  acknowledge,
  append,
  appendResponse,
  from,
  lead,
  solo,
  takeOnly,
  tell,
  work,
} from './support/solo.ts'

const quiet = { preVote: false, checkQuorum: false }

function appendsOf(messages: readonly Message[]): Extract<Message, { type: 'append' }>[] {
  return messages.filter((message) => message.type === 'append')
}

function rowOf(member: ReturnType<typeof solo>, id: number) {
  return member.raft.progress().find((row) => row.id === BigInt(id))
}

// Raft, section 5.3, leaders.

test('a leader begins its term with an empty entry, and sends it to all', () => {
  const member = solo({ log: [1], raft: quiet })
  member.raft.campaign()
  work(member)
  expect(tell(member, from(2, 'voteResponse', 2, { isGranted: true, isOnProbation: false }))).toMatchObject([
    {
      type: 'append',
      to: 2n,
      previousIndex: 1,
      previousTerm: 1,
      entries: [{ index: 2, term: 2, type: 'empty' }],
    },
    { type: 'append', to: 3n },
  ])
})

test('a leader appends proposals to its log, and sends them in the batch that writes them', () => {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  expect(member.raft.propose([command('a'), command('b')])).toEqual({ ok: true, firstIndex: 2, term: 1 })
  const ready = member.handOut()
  expect(ready?.entries).toMatchObject([{ index: 2 }, { index: 3 }])
  expect(ready?.messages).toMatchObject([
    {
      type: 'append',
      to: 2n,
      previousIndex: 1,
      previousTerm: 1,
      entries: [{ index: 2 }, { index: 3 }],
      lastIndex: 3,
    },
    { type: 'append', to: 3n },
  ])
})

test('what several calls propose travels in one message', () => {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  for (const text of ['a', 'b', 'c']) member.raft.propose([command(text)])
  expect(appendsOf(work(member)).map(({ entries }) => entries.length)).toEqual([3, 3])
})

test.each([
  { voters: 3, acknowledged: [], isCommitted: false },
  { voters: 3, acknowledged: [2], isCommitted: true },
  { voters: 5, acknowledged: [2], isCommitted: false },
  { voters: 5, acknowledged: [2, 4], isCommitted: true },
  { voters: 4, acknowledged: [2], isCommitted: false },
  { voters: 4, acknowledged: [2, 3], isCommitted: true },
])(
  'of $voters voters, with those of $acknowledged an entry is committed: $isCommitted',
  ({ voters, acknowledged, isCommitted }) => {
    const member = lead(solo({ voters: Array.from({ length: voters }, (_, at) => at + 1), raft: quiet }))
    member.raft.propose([command('a')])
    work(member)
    for (const id of acknowledged) tell(member, appendResponse(id, 1, 2))
    expect(member.raft.commitIndex).toBe(isCommitted ? 2 : 0)
  },
)

test('acknowledgements of learners and strangers commit nothing', () => {
  const member = lead(solo({ voters: [1, 2, 3], learners: [4, 5], raft: quiet }))
  tell(member, appendResponse(4, 1, 1), appendResponse(5, 1, 1), appendResponse(9, 1, 1))
  expect(member.raft.commitIndex).toBe(0)
})

test('followers learn the commit index with the next message, and apply in order', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1).raft.propose([command('a'), command('b')])
  cluster.settle()
  for (const { raft, state } of cluster.members.values()) {
    expect(raft.commitIndex).toBe(3)
    expect(state.history).toEqual(['1/1 empty ', '2/1 command a', '3/1 command b'])
  }
})

test('a leader sends again what was not acknowledged, once it hears of the follower', () => {
  const cluster = new Cluster({ voters: [1, 2, 3] })
  cluster.elect(1).raft.propose([command('a')])
  cluster.settle(around(3))
  expect(cluster.member(3).raft.lastIndex).toBe(1)
  cluster.tick(1)
  cluster.settle()
  expect(cluster.member(3).raft.commitIndex).toBe(2)
})

test('an acknowledgement beyond the own log is not believed', () => {
  const member = lead(solo({ raft: quiet }))
  tell(member, appendResponse(2, 1, 9))
  expect(rowOf(member, 2)).toMatchObject({ matchIndex: 0 })
  expect(member.raft.commitIndex).toBe(0)
})

// Raft, section 5.4.2, figure 8.

test.each([
  { index: 1, committed: 0 },
  { index: 2, committed: 0 },
  { index: 3, committed: 3 },
])(
  'with entry $index on a majority, of which only 3 is of the own term, $committed is committed',
  ({ index, committed }) => {
    const member = lead(solo({ log: [1, 2], raft: quiet }))
    tell(member, appendResponse(2, 3, index))
    expect(member.raft.commitIndex).toBe(committed)
  },
)

// Raft, figure 2, AppendEntries, receiver.

test.each([
  { after: [1, 1], isAccepted: true },
  { after: [2, 2], isAccepted: true },
  { after: [1, 2], isAccepted: false },
  { after: [3, 3], isAccepted: false },
] as const)(
  'a follower with terms 1, 2 takes an append after $after: $isAccepted',
  ({ after, isAccepted }) => {
    const member = solo({ log: [1, 2], hardState: { term: 3 } })
    expect(tell(member, append(2, 3, { after, terms: [3] }))).toMatchObject([{ isRejected: !isAccepted }])
  },
)

test.each([
  { log: [1, 2], after: [2, 2], terms: [3], expected: [1, 2, 3] },
  { log: [1, 2], after: [1, 1], terms: [3, 4], expected: [1, 3, 4] },
  { log: [1, 2], after: [0, 0], terms: [1], expected: [1, 2] },
  { log: [1, 2], after: [0, 0], terms: [3], expected: [3] },
  { log: [1, 1, 1, 2, 2], after: [1, 2], terms: [1], expected: [1, 1, 1, 2, 2] },
  { log: [1, 1, 1, 2, 2], after: [1, 3], terms: [3], expected: [1, 1, 1, 3] },
] as const)(
  'to a log of terms $log, entries $terms after $after make $expected',
  ({ log, after, terms, expected }) => {
    const member = solo({ log, hardState: { term: 4 } })
    tell(member, append(2, 4, { after, terms }))
    expect(member.disk.entries.map(({ term }) => term)).toEqual(expected)
  },
)

test('an append that arrives twice, or late, takes nothing back', () => {
  const member = solo()
  tell(member, append(2, 1, { terms: [1] }), append(2, 1, { after: [1, 1], terms: [1, 1] }))
  tell(member, append(2, 1, { terms: [1] }), append(2, 1, { after: [1, 1], terms: [1] }))
  expect(member.raft.lastIndex).toBe(3)
})

test.each([
  { after: [1, 2], terms: [1], commit: 3, committed: 3 },
  { after: [1, 2], terms: [1], commit: 2, committed: 2 },
  { after: [1, 2], terms: [], commit: 3, committed: 2 },
  { after: [1, 1], terms: [1], commit: 3, committed: 2 },
] as const)(
  'after $after, with entries $terms and commit $commit, a follower commits up to $committed',
  ({ after, terms, commit, committed }) => {
    // Entry 3 of this log may not be the leader's.
    const member = solo({ log: [1, 1, 1] })
    tell(member, append(2, 1, { after, terms, commit }))
    expect(member.raft.commitIndex).toBe(committed)
  },
)

test('an append that begins before the commit index is answered with it, and not looked at', () => {
  const member = solo({ log: [1, 1], hardState: { commitIndex: 2, term: 2 } })
  expect(tell(member, append(2, 2, { after: [1, 1], terms: [2] }))).toMatchObject([
    { isRejected: false, index: 2 },
  ])
  expect(member.raft.termAt(2)).toBe(1)
})

test('two leaders in a term are a bug of somebody: the member stops', () => {
  const member = lead(solo({ raft: quiet }))
  expect(() => member.raft.step(append(2, member.raft.term, {}))).toThrow('two leaders')
})

// Raft, section 5.3, log repair by terms.

test.each([
  { log: [1, 1, 1, 2, 2], after: [3, 5], hint: [2, 5] },
  { log: [1, 1, 1, 2, 2], after: [1, 5], hint: [1, 3] },
  { log: [1, 1, 1, 3, 3], after: [2, 5], hint: [1, 3] },
  { log: [1, 1], after: [4, 9], hint: [1, 2] },
  { log: [2, 2], after: [1, 2], hint: [0, 0] },
  { log: [], after: [1, 1], hint: [0, 0] },
] as const)(
  'a follower with terms $log refuses an append after $after with the hint $hint',
  ({ log, after, hint }) => {
    const member = solo({ log, hardState: { term: 5 } })
    expect(tell(member, append(2, 5, { after }))).toMatchObject([
      { isRejected: true, index: after[1], hintTerm: hint[0], hintIndex: hint[1], isLogReset: false },
    ])
  },
)

test('a leader skips all entries of terms that the follower cannot have', () => {
  const member = lead(solo({ log: [1, 1, 2, 4, 4, 4, 4], raft: quiet }))
  // The follower has 1 1 2 3 3 3 3 3: nothing of term 4, and of what it has only terms 1 and 2 can match.
  const [sent] = appendsOf(tell(member, appendResponse(2, 5, 7, [3, 7])))
  expect(sent).toMatchObject({ previousIndex: 3, previousTerm: 2 })
})

// Flow control.

test('a probe sends one append at a time', () => {
  const member = lead(solo({ raft: quiet }))
  member.raft.propose([command('a')])
  expect(appendsOf(work(member))).toEqual([])
  tell(member, from(2, 'heartbeatResponse', 1, { round: 0 }))
  member.raft.propose([command('b')])
  expect(appendsOf(work(member))).toEqual([])
  expect(rowOf(member, 2)).toMatchObject({ state: 'probe' })
})

test('a heartbeat response resumes a probe', () => {
  const member = lead(solo({ raft: quiet }))
  expect(appendsOf(tell(member, from(2, 'heartbeatResponse', 1, { round: 0 })))).toMatchObject([
    { to: 2n, previousIndex: 0 },
  ])
})

test('after an acknowledgement appends are sent ahead of their answers', () => {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  for (const [at, text] of ['a', 'b', 'c'].entries()) {
    member.raft.propose([command(text)])
    expect(appendsOf(takeOnly(member))).toMatchObject([{ previousIndex: at + 1 }, { previousIndex: at + 1 }])
  }
})

test('messages are bounded by their bytes, but carry one entry at least', () => {
  const member = lead(solo({ raft: { ...quiet, messageMaxBytes: 4 } }))
  acknowledge(member)
  member.raft.propose(['aa', 'bb', 'c', 'dddddd', 'e'].map(command))
  const sent = appendsOf(work(member)).filter(({ to }) => to === 2n)
  expect(sent.map(({ entries }) => entries.map(({ index }) => index))).toEqual([[2, 3], [4], [5], [6]])
})

test('no more appends than the window are on their way, and an acknowledgement frees what it covers', () => {
  const member = lead(solo({ raft: { ...quiet, messageMaxBytes: 0, inflightMaxMessages: 3 } }))
  acknowledge(member)
  member.raft.propose(Array.from({ length: 9 }, () => command('x')))
  const sentTo2 = (messages: Message[]): number[] =>
    appendsOf(messages).flatMap(({ to, entries }) => (to === 2n ? entries.map(({ index }) => index) : []))
  expect(sentTo2(work(member))).toEqual([2, 3, 4])
  expect(sentTo2(tell(member, appendResponse(2, 1, 3)))).toEqual([5, 6])
  expect(sentTo2(tell(member, appendResponse(2, 1, 3)))).toEqual([])
})

test('no more bytes than the window are on their way', () => {
  const member = lead(solo({ raft: { ...quiet, messageMaxBytes: 0, inflightMaxBytes: 10 } }))
  acknowledge(member)
  member.raft.propose(Array.from({ length: 9 }, () => command('xxxx')))
  expect(appendsOf(work(member)).filter(({ to }) => to === 2n)).toHaveLength(3)
})

test('a heartbeat response to a full window sends one empty append, which shows what got lost', () => {
  const member = lead(solo({ raft: { ...quiet, messageMaxBytes: 0, inflightMaxMessages: 2 } }))
  acknowledge(member)
  member.raft.propose(Array.from({ length: 5 }, () => command('x')))
  work(member)
  const [ping] = appendsOf(tell(member, from(2, 'heartbeatResponse', 1, { round: 0 })))
  expect(ping).toMatchObject({ previousIndex: 3, entries: [] })
  // All of the window was lost.
  expect(appendsOf(tell(member, appendResponse(2, 1, 3, [1, 1])))).toMatchObject([{ previousIndex: 1 }])
  expect(rowOf(member, 2)).toMatchObject({ state: 'probe', nextIndex: 2 })
})

test('who cannot be reached is probed', () => {
  const member = lead(solo({ raft: quiet }))
  acknowledge(member)
  member.raft.propose([command('a')])
  work(member)
  expect(rowOf(member, 2)).toMatchObject({ state: 'replicate', nextIndex: 3 })
  member.raft.reportUnreachable(2n)
  expect(rowOf(member, 2)).toMatchObject({ state: 'probe', matchIndex: 1, nextIndex: 2 })
})

test('progress lists all members in order of id, and nothing where nobody leads', () => {
  const member = solo({ voters: [3, 1, 2], learners: [4], raft: quiet })
  expect(member.raft.progress()).toEqual([])
  lead(member)
  expect(member.raft.progress().map(({ id, isLearner }) => [id, isLearner])).toEqual([
    [1n, false],
    [2n, false],
    [3n, false],
    [4n, true],
  ])
})
