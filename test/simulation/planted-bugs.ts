import type { Message, MemberId, Raft, RaftStart, Ready } from '@orrery/raft'
import { isVoter } from '@orrery/raft'
import { altered, type RaftFaults, type Sabotage, reliableLink } from '@orrery/simulation'

/** A known way to get consensus wrong. */
export interface PlantedBug {
  readonly name: string
  /** Where somebody got it wrong, or what says that it must be right. */
  readonly source: string
  /** It is found within so many seeds, from 1 on. */
  readonly seedsMax: number
  readonly sabotage: () => Partial<Sabotage>
  /** What it takes to be found in reasonable time. */
  readonly faults?: Partial<RaftFaults>
}

const readyAs =
  (change: (ready: Ready, raft: Raft) => Ready) =>
  (raft: Raft): Raft =>
    altered(raft, {
      ready: () => {
        const ready = raft.ready()
        return ready && change(ready, raft)
      },
    })

const sendAs = (change: (message: Message, raft: Raft) => Message): ((raft: Raft) => Raft) =>
  readyAs((ready, raft) => ({ ...ready, messages: ready.messages.map((message) => change(message, raft)) }))

const receiveAs =
  (change: (message: Message, raft: Raft) => readonly Message[]) =>
  (raft: Raft): Raft =>
    altered(raft, {
      step: (message) => {
        for (const each of change(message, raft)) raft.step(each)
      },
    })

const startAs =
  (change: (start: RaftStart) => RaftStart): (() => Partial<Sabotage>) =>
  () => ({ changeStart: change })

const wrapAs =
  (wrap: (raft: Raft, id: MemberId) => Raft, more: Partial<Sabotage> = {}): (() => Partial<Sabotage>) =>
  () => ({ wrap, ...more })

const lastIndexOf = ({ previousIndex, entries }: RaftStart): number => previousIndex + entries.length

/** Tells the core that a batch is durable when it hands it out, unless a snapshot has to be installed first. */
const persistedAtOnce =
  (applies: (ready: Ready) => boolean) =>
  (raft: Raft): Raft => {
    let installing = 0
    const hasty = readyAs((ready) => {
      if (ready.snapshot !== undefined) installing = ready.number
      if (installing === 0 && applies(ready)) raft.persisted(ready.number)
      return ready
    })(raft)
    return altered(hasty, {
      persisted: (number) => {
        if (number >= installing) installing = 0
        raft.persisted(number)
      },
    })
  }

/** Answers reads itself, with an index of its own choice. */
const readsAnsweredBy =
  (indexAtCall: (raft: Raft) => number, confirms: boolean) =>
  (raft: Raft): Raft => {
    const indexes = new Map<number, number>()
    let own: { context: number; index: number }[] = []
    return altered(raft, {
      readIndex: (context) => {
        if (raft.role !== 'leader') return raft.readIndex(context)
        if (confirms) {
          indexes.set(context, indexAtCall(raft))
          return raft.readIndex(context)
        }
        own.push({ context, index: indexAtCall(raft) })
        return { ok: true }
      },
      ready: () => {
        const ready = raft.ready()
        if (ready === undefined && own.length === 0) return undefined
        const inner = ready ?? emptyReady
        const reads = inner.reads.map(({ context, index }) => ({
          context,
          index: indexes.get(context) ?? index,
        }))
        const answered = own
        own = []
        return { ...inner, reads: [...reads, ...answered] }
      },
    })
  }

const emptyReady: Ready = {
  number: 0,
  snapshot: undefined,
  entries: [],
  hardState: undefined,
  mustSync: false,
  messages: [],
  committed: [],
  reads: [],
  droppedReads: [],
}

/** An answer to any heartbeat confirms the newest round. */
function roundsConfused(raft: Raft): Raft {
  let term = 0
  let newest = 0
  const sending = sendAs((message) => {
    if (message.type !== 'heartbeat' || message.round === 0) return message
    if (message.term !== term) newest = 0
    term = message.term
    newest = Math.max(newest, message.round)
    return message
  })(raft)
  return altered(sending, {
    step: (message) =>
      raft.step(message.type === 'heartbeatResponse' ? { ...message, round: newest } : message),
  })
}

/** Only three names for reads. */
function contextsReused(raft: Raft): Raft {
  const outer = new Map<number, number>()
  const rename = (context: number): readonly number[] => {
    const name = outer.get(context)
    outer.delete(context)
    return name === undefined ? [] : [name]
  }
  return altered(raft, {
    readIndex: (context) => {
      const { ok } = raft.readIndex((context % 3) + 1)
      if (ok) outer.set((context % 3) + 1, context)
      return { ok }
    },
    ready: () => {
      const ready = raft.ready()
      if (ready === undefined) return undefined
      return {
        ...ready,
        reads: ready.reads.flatMap(({ context, index }) =>
          rename(context).map((name) => ({ context: name, index })),
        ),
        droppedReads: ready.droppedReads.flatMap(rename),
      }
    },
  })
}

/** What a leader appends it applies, once. */
function appliedUncommitted(raft: Raft): Raft {
  let appliedIndex = raft.appliedIndex
  return readyAs((ready) => {
    const early = raft.role === 'leader' ? ready.entries : []
    const committed = [...ready.committed, ...early].filter(({ index, type }) => {
      if (index !== appliedIndex + 1 || type === 'membership') return false
      appliedIndex = index
      return true
    })
    return { ...ready, committed }
  })(raft)
}

/** A learner becomes a voter in the eyes of whoever leads, though it is shown as a learner. */
function learnersCounted(raft: Raft): Raft {
  const learners = new Set<MemberId>()
  const shown = (): Raft['membership'] => {
    const { membership } = raft
    const isLearner = (id: MemberId): boolean => learners.has(id) && membership.voters.includes(id)
    return {
      ...membership,
      voters: membership.voters.filter((id) => !isLearner(id)),
      learners: [...membership.learners, ...membership.voters.filter(isLearner)].sort((a, b) =>
        a < b ? -1 : 1,
      ),
    }
  }
  return new Proxy(
    altered(raft, {
      applyMembership: (change) => {
        const steps = change?.steps ?? []
        for (const { type, member } of steps) learners[type === 'addLearner' ? 'add' : 'delete'](member)
        const counted = steps.map(({ member, type }) => ({
          member,
          type: type === 'addLearner' ? ('addVoter' as const) : type,
        }))
        raft.applyMembership(change && { ...change, steps: counted })
        return shown()
      },
    }),
    { get: (target, key) => (key === 'membership' ? shown() : (Reflect.get(target, key) as unknown)) },
  )
}

const trusting = { trustsDisks: true } as const

/** Everybody wants to lead, and forgets at once what it said. */
const stormyElections = {
  tickMs: 50,
  turnMeanMs: 0,
  applyMeanMs: 0,
  pausePauseMeanMs: 0,
  crashAfterWriteRatio: 0.03,
  downMeanMs: 5,
  writeMeanMs: 0.2,
  stallRatio: 0,
  link: { ...reliableLink, delayMeanMs: 20, reorders: true },
  raft: { electionTimeoutTicks: 2, preVote: false, checkQuorum: false },
} satisfies Partial<RaftFaults>

/** Elections that hardly ever succeed, in which votes arrive late and again. */
const lateVotes = {
  ...stormyElections,
  crashAfterWriteRatio: 0,
  crashPauseMeanMs: 0,
  membershipPauseMeanMs: 0,
  oddityPauseMeanMs: 30,
  link: {
    ...reliableLink,
    delayMinMs: 5,
    delayMeanMs: 30,
    lossRatio: 0.2,
    reorders: true,
    duplicateRatio: 0.6,
    duplicateDelayMeanMs: 300,
  },
} satisfies Partial<RaftFaults>

/** What was said comes again much later, and the network falls apart all the time. */
const echoes = {
  tickMs: 50,
  turnMeanMs: 0,
  applyMeanMs: 0,
  writeMeanMs: 0.2,
  stallRatio: 0,
  link: { ...reliableLink, delayMeanMs: 20, reorders: true, duplicateRatio: 0.8, duplicateDelayMeanMs: 700 },
  raft: { electionTimeoutTicks: 3, preVote: false, checkQuorum: false },
  network: {
    partitionPauseMeanMs: 200,
    partitionMeanMs: 700,
    stabilityMinMs: 50,
    shapes: ['oneWay', 'partial', 'asymmetric', 'isolateOne'],
    clogPauseMeanMs: 100,
    clogMeanMs: 700,
    swizzlePauseMeanMs: 0,
  },
} satisfies Partial<RaftFaults>

/** Leaders of minorities get long logs that nobody else has, and lead again soon. */
const forks = {
  ...echoes,
  link: { ...echoes.link, delayMeanMs: 5, duplicateRatio: 0.9, duplicateDelayMeanMs: 1_200 },
  load: { clients: 8, keys: 6, thinkMeanMs: 2, readRatio: 0, casRatio: 0.1, patienceMs: 100 },
  network: {
    ...echoes.network,
    partitionPauseMeanMs: 100,
    partitionMeanMs: 600,
    shapes: ['halves'],
    clogPauseMeanMs: 0,
  },
} satisfies Partial<RaftFaults>

/** Logs lose their ends as often as they can. */
const tornLogs = {
  crashPauseMeanMs: 700,
  downMeanMs: 100,
  tornLogRatio: 0.9,
  membershipPauseMeanMs: 0,
} satisfies Partial<RaftFaults>

/**
 * Bugs of others, and of nobody yet. What is inside of the core cannot be planted from outside: counting
 * entries of earlier terms, truncating by a late append, campaigning with a change of membership that is not
 * applied, a `next` that is not above `match`.
 */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'a member acknowledges entries before they are durable',
    source: 'etcd #14370; NATS 2.12.1',
    seedsMax: 1,
    sabotage: wrapAs(persistedAtOnce(() => true)),
  },
  {
    name: 'the same, found by what it leads to',
    source: 'etcd #14370; NATS 2.12.1',
    seedsMax: 20,
    sabotage: wrapAs(
      persistedAtOnce(() => true),
      trusting,
    ),
  },
  {
    name: 'a vote is sent before it is durable, found by what it leads to',
    source: 'openraft; Raft, section 5.2',
    seedsMax: 50,
    sabotage: wrapAs(
      persistedAtOnce(({ entries, snapshot }) => entries.length === 0 && snapshot === undefined),
      trusting,
    ),
  },
  {
    name: 'a vote is forgotten at a restart',
    source: 'Raft, figure 2',
    seedsMax: 150,
    sabotage: startAs((start) => ({ ...start, hardState: { ...start.hardState, vote: 0n } })),
    faults: stormyElections,
  },
  {
    name: 'a term is forgotten at a restart',
    source: 'Raft, figure 2',
    seedsMax: 100,
    sabotage: startAs((start) => {
      const term = Math.max(start.entries.at(-1)?.term ?? 0, start.previousTerm)
      return { ...start, hardState: { ...start.hardState, term, vote: 0n } }
    }),
    faults: stormyElections,
  },
  {
    name: 'entries that are not applied are forgotten at a restart',
    source: 'Raft, figure 2',
    seedsMax: 20,
    sabotage: startAs((start) => {
      const entries = start.entries.slice(0, start.appliedIndex - start.previousIndex)
      const commitIndex = Math.min(start.hardState.commitIndex, start.appliedIndex)
      return { ...start, entries, hardState: { ...start.hardState, commitIndex } }
    }),
  },
  {
    name: 'a torn log is taken for whole',
    source: 'Protocol-Aware Recovery, FAST 2018',
    seedsMax: 20,
    sabotage: startAs((start) => {
      const commitIndex = Math.min(start.hardState.commitIndex, lastIndexOf(start))
      return { ...start, hardState: { ...start.hardState, commitIndex, isOnProbation: false } }
    }),
    faults: tornLogs,
  },
  {
    name: 'a leader is not told that a log was torn',
    source: 'Protocol-Aware Recovery, FAST 2018',
    seedsMax: 20,
    sabotage: wrapAs(
      sendAs((message) => (message.type === 'appendResponse' ? { ...message, isLogReset: false } : message)),
    ),
    faults: tornLogs,
  },
  {
    name: 'all of the log counts as committed after a restart',
    source: 'Raft, figure 2',
    seedsMax: 20,
    sabotage: startAs((start) => ({
      ...start,
      hardState: { ...start.hardState, commitIndex: lastIndexOf(start) },
    })),
  },
  {
    name: 'what is committed is forgotten at a restart, and with it changes of membership',
    source: 'etcd #7280, #11284',
    seedsMax: 40,
    sabotage: startAs((start) => ({ ...start, hardState: { ...start.hardState, commitIndex: 0 } })),
  },
  {
    name: 'changes of membership are forgotten at a restart',
    source: 'etcd: learner promotion not persisted',
    seedsMax: 20,
    sabotage: () => {
      const first = new Map<MemberId, RaftStart['membership']>()
      return {
        changeStart: (start, id) => {
          const membership = first.get(id) ?? start.membership
          first.set(id, membership)
          return { ...start, membership }
        },
      }
    },
  },
  {
    name: 'a leader answers reads without asking anybody',
    source: 'etcd 0.4.1; redisraft #19',
    seedsMax: 40,
    sabotage: wrapAs(readsAnsweredBy((raft) => raft.commitIndex, false)),
  },
  {
    name: 'a new leader answers reads by a commit index of before its time',
    source: 'etcd #7331; TiKV #9239',
    seedsMax: 60,
    sabotage: wrapAs(readsAnsweredBy((raft) => raft.commitIndex, true)),
  },
  {
    name: 'an answer to an old heartbeat confirms a new read',
    source: 'etcd #20418',
    seedsMax: 100,
    sabotage: wrapAs(roundsConfused),
    faults: echoes,
  },
  {
    name: 'reads have names that were used before',
    source: 'etcd #20418',
    seedsMax: 30,
    sabotage: wrapAs(contextsReused),
  },
  {
    name: 'a leader applies what is not committed',
    source: 'Raft, section 5.3',
    seedsMax: 1,
    sabotage: wrapAs(appliedUncommitted),
  },
  {
    name: 'learners are counted',
    source: 'etcd-io/raft, learners',
    seedsMax: 20,
    sabotage: wrapAs(learnersCounted),
  },
  {
    name: 'joint consensus is skipped',
    source: 'Raft, section 6',
    seedsMax: 20,
    sabotage: wrapAs((raft) =>
      altered(raft, {
        applyMembership: (change) => {
          if (change === undefined || change.steps.length === 0) return raft.applyMembership(undefined)
          return raft.applyMembership({ ...change, steps: change.steps.slice(0, 1), transition: 'auto' })
        },
      }),
    ),
  },
  {
    name: 'a heartbeat carries a commit index beyond what the follower has',
    source: 'Raft, figure 2, AppendEntries 5',
    seedsMax: 20,
    sabotage: wrapAs(
      sendAs((message, { commitIndex }) =>
        message.type === 'heartbeat' ? { ...message, commitIndex } : message,
      ),
    ),
  },
  {
    name: 'a candidate is elected whatever its log holds',
    source: 'Raft, section 5.4.1',
    seedsMax: 30,
    sabotage: wrapAs(
      sendAs((message) =>
        message.type === 'vote' || message.type === 'preVote'
          ? { ...message, lastTerm: message.term, lastIndex: 1e9 }
          : message,
      ),
      trusting,
    ),
  },
  {
    name: 'a member grants every vote, found by what it leads to',
    source: 'Raft, section 5.2',
    seedsMax: 30,
    sabotage: wrapAs(
      sendAs((message) =>
        message.type === 'voteResponse' ? { ...message, isGranted: true, isOnProbation: false } : message,
      ),
      trusting,
    ),
  },
  {
    name: 'a vote counts for somebody else, too',
    source: 'Raft, section 5.2',
    seedsMax: 60,
    sabotage: wrapAs(
      receiveAs((message, { membership }) => {
        if (message.type !== 'voteResponse') return [message]
        const other = membership.voters.find((id) => id !== message.from && id !== message.to)
        return other === undefined ? [message] : [message, { ...message, from: other }]
      }),
    ),
  },
  {
    name: 'an intention to vote counts as a vote',
    source: 'Raft thesis, section 9.6',
    seedsMax: 30,
    sabotage: wrapAs((raft) =>
      altered(raft, {
        step: (message) => {
          raft.step(message)
          if (message.type !== 'preVoteResponse' || !message.isGranted) return
          if (raft.role === 'candidate' && raft.term === message.term)
            raft.step({ ...message, type: 'voteResponse' })
        },
      }),
    ),
    faults: { ...stormyElections, raft: { electionTimeoutTicks: 2 } },
  },
  {
    name: 'a vote of an earlier term counts',
    source: 'Raft, section 5.1',
    seedsMax: 60,
    sabotage: wrapAs(
      receiveAs((message, { term }) =>
        message.type === 'voteResponse' ? [{ ...message, term: Math.max(term, message.term) }] : [message],
      ),
    ),
    faults: lateVotes,
  },
  {
    name: 'an acknowledgement of an earlier term counts',
    source: 'etcd-io/raft, asynchronous storage writes',
    seedsMax: 300,
    sabotage: wrapAs(
      receiveAs((message, { term }) =>
        message.type === 'appendResponse' && !message.isRejected
          ? [{ ...message, term: Math.max(term, message.term) }]
          : [message],
      ),
    ),
    faults: forks,
  },
  {
    name: 'entries are appended whatever comes before them',
    source: 'Raft, figure 2, AppendEntries 2',
    seedsMax: 60,
    sabotage: wrapAs(
      receiveAs((message, raft) =>
        message.type === 'append'
          ? [{ ...message, previousTerm: raft.termAt(message.previousIndex) ?? message.previousTerm }]
          : [message],
      ),
    ),
    faults: forks,
  },
  {
    name: 'one entry too many is acknowledged, found by what it leads to',
    source: 'Raft, figure 2',
    seedsMax: 20,
    sabotage: wrapAs(
      sendAs((message) =>
        message.type === 'appendResponse' && !message.isRejected
          ? { ...message, index: message.index + 1 }
          : message,
      ),
      trusting,
    ),
  },
  {
    name: 'messages outlive the process that they were sent to',
    source: 'the port of transports',
    seedsMax: 60,
    sabotage: () => ({ outlivesProcesses: true }),
    faults: tornLogs,
  },
  {
    name: 'a rejection is ignored, so that a log is never repaired',
    source: 'Raft, section 5.3',
    seedsMax: 20,
    sabotage: wrapAs(
      receiveAs((message) => (message.type === 'appendResponse' && message.isRejected ? [] : [message])),
    ),
  },
  {
    name: 'nobody tells that a snapshot got lost',
    source: 'etcd-io/raft, ReportSnapshot',
    seedsMax: 200,
    sabotage: wrapAs((raft) => altered(raft, { reportSnapshot: () => {} })),
  },
  {
    name: 'reads of a leader that stepped down are forgotten',
    source: 'etcd #21375',
    seedsMax: 20,
    sabotage: wrapAs(readyAs((ready) => ({ ...ready, droppedReads: [] }))),
  },
  {
    name: 'a removed leader goes on as if nothing had happened',
    source: 'Raft, section 6',
    seedsMax: 20,
    sabotage: wrapAs((raft, id) =>
      altered(raft, {
        applyMembership: (change) => {
          const removesMe =
            change?.steps.some(({ type, member }) => type === 'remove' && member === id) === true
          return raft.applyMembership(removesMe && isVoter(raft.membership, id) ? undefined : change)
        },
      }),
    ),
  },
]
