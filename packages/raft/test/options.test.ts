import type { RaftOptions } from '@orrery/raft'
import { RaftError } from '@orrery/raft'
import { expect, test } from 'vitest'
import { solo } from './support/solo.ts'

test.each<[string, RaftOptions]>([
  [
    'an election timeout that is no longer than the heartbeat',
    { electionTimeoutTicks: 3, heartbeatTicks: 3 },
  ],
  ['no heartbeat', { heartbeatTicks: 0 }],
  ['a fraction of a tick', { electionTimeoutTicks: 10.5 }],
  ['no window', { inflightMaxMessages: 0 }],
  ['an empty window', { inflightMaxBytes: 0 }],
  ['a negative size', { messageMaxBytes: -1 }],
  ['an infinite size', { uncommittedMaxBytes: Infinity }],
  ['leases that nobody keeps', { reads: 'lease', checkQuorum: false }],
])('%s is refused', (_name, raft) => {
  expect(() => solo({ raft })).toThrow(RaftError)
  expect(() => solo({ raft })).toThrow('RAFT_OPTION_INVALID')
})

test('a member has an id', () => {
  expect(() => solo({ id: 0 })).toThrow('an id')
})
