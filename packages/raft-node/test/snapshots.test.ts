import { silentLogger } from '@orrery/environment'
import type { Raft, SnapshotMessage } from '@orrery/raft'
import { describe, expect, test } from 'vitest'
import { MemberTable, type NodeHost, type Transport } from '../src/index.ts'
import { Lifecycle } from '../src/lifecycle.ts'
import { Snapshots } from '../src/snapshots.ts'
import { nothing, snapshotHeader } from './solo-node.ts'

const membership = {
  voters: [1n, 2n],
  outgoingVoters: [],
  learners: [],
  nextLearners: [],
  leavesAutomatically: false,
}
const snapshot = { index: 100, term: 5, membership }
const asked: SnapshotMessage = { type: 'snapshot', from: 1n, to: 2n, term: 5, snapshot }

interface Trial {
  readonly snapshots: Snapshots
  readonly lifecycle: Lifecycle
  readonly calls: string[]
  /** What the transport and the host do. */
  sendSnapshot: Transport['sendSnapshot']
  readState: NodeHost['readState']
  finishInstalling: () => void
  onChange: () => void
}

/** Member 1; its core has applied 10 entries. */
function begin(): Trial {
  const calls: string[] = []
  const trial = { calls, finishInstalling: () => {}, onChange: () => {} } as unknown as {
    -readonly [K in keyof Trial]: Trial[K]
  }
  trial.sendSnapshot = () => Promise.resolve()
  trial.readState = () => ({ index: 10, content: nothing() })
  trial.lifecycle = new Lifecycle({ onEnd: (state) => void calls.push(state) })
  trial.snapshots = new Snapshots({
    memberId: 1n,
    raft: {
      term: 5,
      commitIndex: 10,
      termAt: (index) => (index === 10 ? 4 : undefined),
      step: () => void calls.push('step'),
      reportSnapshot: (to, outcome) => void calls.push(`${to} ${outcome}`),
    } as Partial<Raft> as Raft,
    transport: { sendSnapshot: (...call) => trial.sendSnapshot(...call) } as Transport,
    host: {
      readState: () => trial.readState(),
      receiveState: (_, { index }) => Promise.resolve(`state ${index}`),
      installState: () => new Promise<void>((resolve) => (trial.finishInstalling = resolve)),
      discardState: (name) => void calls.push(`discard ${name}`),
      onCommitted: () => void calls.push('committed'),
    } as Partial<NodeHost> as NodeHost,
    logger: silentLogger,
    lifecycle: trial.lifecycle,
    members: () => new MemberTable(membership),
    hold: (index) => {
      calls.push(`hold ${index}`)
      return () => void calls.push(`release ${index}`)
    },
    onChange: () => trial.onChange(),
  })
  return trial
}

const settle = (): Promise<void> => new Promise(setImmediate)

/** The core takes the state in its next batch, as the pump would hear of it. */
function want(trial: Trial, readyNumber: number): void {
  trial.onChange = () => queueMicrotask(() => trial.snapshots.nameOf(snapshot, readyNumber))
}

async function receive({ snapshots }: Trial, index = 100): Promise<void> {
  const header = snapshotHeader({ from: 2n, to: 1n, term: 5 }, { ...snapshot, index })
  await snapshots.receive({ from: 2n, header, content: nothing() })
}

describe('a state that is asked for', () => {
  test('is sent while the log behind it is kept', async () => {
    const { snapshots, calls } = begin()
    snapshots.send(asked)
    await settle()
    expect(calls).toEqual(['hold 10', 'release 10', '2 sent'])
  })

  test('that nobody reads is released, and the core learns that it was not sent', async () => {
    const trial = begin()
    let released = 0
    const content: AsyncIterableIterator<Uint8Array> = {
      [Symbol.asyncIterator]: () => content,
      next: () => Promise.resolve({ done: true, value: undefined }),
      return: () => {
        released++
        return Promise.resolve({ done: true, value: undefined })
      },
    }
    trial.readState = () => ({ index: 10, content })
    trial.sendSnapshot = () => Promise.reject(new Error('unreachable'))
    trial.snapshots.send(asked)
    await settle()
    expect([released, trial.calls]).toEqual([1, ['hold 10', 'release 10', '2 failed']])
  })

  test('is not sent when the host cannot read it, or while it is replaced; the member lives on', async () => {
    const trial = begin()
    trial.readState = () => {
      throw new Error('no disk')
    }
    trial.snapshots.send(asked)
    await settle()
    trial.readState = () => ({ index: 3, content: nothing() })
    want(trial, 1)
    await receive(trial)
    trial.onChange = () => {}
    trial.snapshots.persisted(1)
    trial.snapshots.send(asked)
    await settle()
    expect(trial.calls).toEqual(['2 failed', 'step', '2 failed'])
    expect(trial.lifecycle.state).toBe('running')
  })

  test('is given up when the member ends', async () => {
    const trial = begin()
    trial.sendSnapshot = (_to, _snapshot, { signal } = {}) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))))
    trial.snapshots.send(asked)
    trial.lifecycle.close()
    trial.snapshots.stop(new Error('over'))
    await settle()
    expect(trial.calls).toEqual(['hold 10', 'closed', 'release 10'])
  })
})

describe('a state that arrives', () => {
  test('is thrown away when the core does not want it', async () => {
    const trial = begin()
    await receive(trial)
    await settle()
    expect(trial.calls).toEqual(['step', 'discard state 100', 'committed'])
  })

  test('lets nothing be applied from the moment on in which the core has it', async () => {
    const trial = begin()
    const arriving = receive(trial)
    const seen: boolean[] = []
    trial.onChange = () => seen.push(trial.snapshots.isInstalling)
    await arriving
    await settle()
    expect(seen).toEqual([true])
    expect(trial.snapshots.isInstalling).toBe(false)
  })

  test('takes the place of the present one when the batch that wants it is durable, not earlier', async () => {
    const trial = begin()
    want(trial, 7)
    await receive(trial)
    expect(trial.snapshots.isInstalling).toBe(true)
    expect(trial.snapshots.persisted(6)).toBeUndefined()
    const installing = trial.snapshots.persisted(8)
    expect(installing?.snapshot).toEqual(snapshot)
    expect(trial.snapshots.isInstalling).toBe(true)
    expect(trial.snapshots.persisted(9)).toBeUndefined()
    trial.finishInstalling()
    await installing?.done
    expect(trial.snapshots.isInstalling).toBe(false)
    expect(trial.calls).toEqual(['step'])
  })

  test('is refused while another one is on its way in', async () => {
    const trial = begin()
    const both = [receive(trial, 100), receive(trial, 101)]
    const outcomes = await Promise.allSettled(both)
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(trial.calls).toContain('discard state 101')
  })

  test('is thrown away when the member has ended meanwhile', async () => {
    const trial = begin()
    const arriving = receive(trial)
    trial.lifecycle.close()
    await expect(arriving).rejects.toMatchObject({ code: 'NODE_CLOSED' })
    expect(trial.calls).toEqual(['closed', 'discard state 100'])
  })
})

describe('the end of a member', () => {
  test('comes once, but for a failure after the removal, and for closing', () => {
    const { lifecycle, calls } = begin()
    lifecycle.requireRunning()
    lifecycle.remove()
    lifecycle.remove()
    lifecycle.guard(() => calls.push('not run'))
    lifecycle.fail(new Error('disk'))
    lifecycle.fail(new Error('disk'))
    lifecycle.close()
    lifecycle.close()
    lifecycle.fail(new Error('late'))
    expect(calls).toEqual(['removed', 'failed', 'closed'])
    expect(() => lifecycle.requireRunning()).toThrow('NODE_CLOSED')
  })

  test('is a failure when something throws that must not', () => {
    const { lifecycle } = begin()
    const cause = new Error('a broken invariant')
    lifecycle.guard(() => {
      throw cause
    })
    expect(lifecycle.state).toBe('failed')
    expect(() => lifecycle.requireRunning()).toThrow('a broken invariant')
  })
})
