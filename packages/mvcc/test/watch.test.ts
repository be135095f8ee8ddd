import {
  createMemoryBackend,
  createMvcc,
  type Mvcc,
  type WatchOptions,
  type WatchResponse,
} from '@orrery/mvcc'
import { InvariantError } from '@orrery/environment'
import { describe, expect, test } from 'vitest'
import { bytesOf } from './support/wire.ts'

function open(options: WatchOptions = {}): Mvcc {
  const mvcc = createMvcc({ backend: createMemoryBackend() }, options)
  mvcc.restoreStep(1)
  return mvcc
}

function put(mvcc: Mvcc, key: string, text = ''): void {
  mvcc.put({ key, value: bytesOf(text) })
}

/** Each response in short: whose it is, and what it brings. */
function told(responses: readonly WatchResponse[]): readonly string[] {
  return responses.map((response) => {
    const who = response.watchId ?? 'all'
    switch (response.type) {
      case 'events':
        return `${who}: ${response.events.map(({ type, kv }) => `${type} ${kv.keyString}@${kv.modRevision}`).join(', ')}`
      case 'progress':
        return `${who}: progress ${response.revision}`
      case 'compacted':
        return `${who}: compacted ${response.compactRevision}`
    }
  })
}

describe('what a watcher gets', () => {
  test('changes from now on, when it names no revision', () => {
    const mvcc = open()
    put(mvcc, 'a')
    const stream = mvcc.openWatchStream()
    expect(stream.create({ key: 'a' })).toBe(0)
    expect(mvcc.watchersUnsynced).toBe(false)
    put(mvcc, 'a')
    put(mvcc, 'b')
    mvcc.deleteRange({ key: 'a' })
    expect(told(stream.take())).toEqual(['0: put a@3', '0: delete a@5'])
  })

  test('history first and then the present, with nothing lost or doubled in between', () => {
    const mvcc = open()
    for (let i = 0; i < 5; i++) put(mvcc, 'a')
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a', startRevision: 3 })
    expect(mvcc.watchersUnsynced).toBe(true)
    mvcc.watchSyncStep(2)
    put(mvcc, 'a')
    while (mvcc.watchSyncStep(2));
    put(mvcc, 'a')
    expect(told(stream.take())).toEqual([
      '0: put a@3, put a@4',
      '0: put a@5, put a@6',
      '0: put a@7',
      '0: put a@8',
    ])
  })

  test('all changes of a txn in one response, even when its limit of bytes is smaller', () => {
    const mvcc = open({ pendingMaxBytes: 1 })
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a', rangeEnd: 'z' })
    mvcc.txn({
      success: [
        { type: 'put', key: 'b' },
        { type: 'put', key: 'c' },
      ],
    })
    expect(told(stream.take())).toEqual(['0: put b@2, put c@2'])
  })

  test('what the key was before, when it asks, unless that is compacted', () => {
    const mvcc = open()
    put(mvcc, 'a', 'one')
    put(mvcc, 'a', 'two')
    put(mvcc, 'a', 'three')
    mvcc.compact(3)
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a', startRevision: 3, prevKv: true })
    while (mvcc.watchSyncStep(10));
    const [response] = stream.take()
    const before = response?.type === 'events' ? response.events.map(({ prevKv }) => prevKv?.value) : []
    expect(before).toEqual([undefined, bytesOf('two')])
  })

  test('the deletion at the very revision it starts from, although that revision is compacted', () => {
    const mvcc = open()
    put(mvcc, 'a')
    mvcc.deleteRange({ key: 'a' })
    put(mvcc, 'b')
    mvcc.compact(3)
    while (mvcc.compactStep(1));
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a', startRevision: 3 })
    while (mvcc.watchSyncStep(10));
    expect(told(stream.take())).toEqual(['0: delete a@3'])
  })

  test('that it is compacted, when it starts too early or falls behind', () => {
    const mvcc = open()
    for (let i = 0; i < 5; i++) put(mvcc, 'a')
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a', startRevision: 2 })
    mvcc.compact(4)
    stream.create({ key: 'a', startRevision: 3 })
    while (mvcc.watchSyncStep(10));
    expect(told(stream.take())).toEqual(['1: compacted 4', '0: compacted 4'])
    expect(stream.size).toBe(0)
  })

  test('nothing from before a future start', () => {
    const mvcc = open()
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a', startRevision: 4 })
    for (let i = 0; i < 4; i++) put(mvcc, 'a')
    expect(told(stream.take())).toEqual(['0: put a@4', '0: put a@5'])
  })

  test('its events however many slow readers watch beside it', () => {
    const mvcc = open({ pendingMaxResponses: 1 })
    const [slow, fast] = [mvcc.openWatchStream(), mvcc.openWatchStream()]
    slow.create({ key: 'a', rangeEnd: 'x' })
    slow.create({ key: 'a', rangeEnd: 'y' })
    fast.create({ key: 'a', rangeEnd: 'z' })
    for (let i = 0; i < 3; i++) {
      put(mvcc, 'b')
      expect(told(fast.take())).toEqual([`0: put b@${i + 2}`])
    }
  })
})

describe('progress', () => {
  test('is told when all watchers of the stream have caught up, after their events', () => {
    const mvcc = open()
    put(mvcc, 'a')
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a', startRevision: 1 })
    stream.requestProgress()
    expect(stream.pending).toBe(0)
    while (mvcc.watchSyncStep(10));
    expect(told(stream.take())).toEqual(['0: put a@2', 'all: progress 2'])
  })

  test('is never older than the start that a watcher asked for', () => {
    const mvcc = open()
    const stream = mvcc.openWatchStream()
    const next = mvcc.revision + 1
    stream.create({ key: 'a', startRevision: next })
    stream.requestProgress()
    stream.progress(0)
    expect(stream.take()).toEqual([])
    put(mvcc, 'b')
    stream.progress(0)
    stream.requestProgress()
    expect(told(stream.take())).toEqual([`0: progress ${next}`, `all: progress ${next}`])
  })

  test('waits for a reader that takes nothing, in bounded memory', () => {
    const mvcc = open({ pendingMaxResponses: 3 })
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a' })
    for (let i = 0; i < 10; i++) {
      stream.requestProgress()
      stream.progress(0)
    }
    expect(stream.pending).toBe(3)
    stream.take()
    expect(told(stream.take())).toEqual(['all: progress 1'])
    expect(stream.pending).toBe(0)
  })

  test('does not speak for a watcher that missed something, but comes after the news that it is compacted', () => {
    const mvcc = open()
    put(mvcc, 'a')
    put(mvcc, 'a')
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a', startRevision: 2 })
    mvcc.compact(3)
    stream.requestProgress()
    while (mvcc.watchSyncStep(10));
    expect(told(stream.take())).toEqual(['0: compacted 3', 'all: progress 3'])
  })

  test('is told to a stream whose last watcher behind is cancelled', () => {
    const mvcc = open()
    put(mvcc, 'a')
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a', startRevision: 1 })
    stream.create({ key: 'a' })
    stream.requestProgress()
    stream.cancel(0)
    expect(told(stream.take())).toEqual(['all: progress 2'])
  })
})

describe('a watch stream', () => {
  test('numbers its watchers from 0, around the ids that callers choose', () => {
    const stream = open().openWatchStream()
    expect(stream.create({ key: 'a', watchId: 1 })).toBe(1)
    expect(stream.create({ key: 'a' })).toBe(0)
    expect(stream.create({ key: 'a' })).toBe(2)
    expect(stream.create({ key: 'a', watchId: 1 })).toBe('watchIdInUse')
    stream.cancel(2)
    expect(stream.create({ key: 'a' })).toBe(3)
  })

  test('keeps an id in use until the reader can know that its watcher is compacted', () => {
    const mvcc = open()
    put(mvcc, 'a')
    put(mvcc, 'a')
    mvcc.compact(3)
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a', watchId: 5, startRevision: 1 })
    expect(stream.create({ key: 'a', watchId: 5 })).toBe('watchIdInUse')
    stream.take()
    expect(stream.cancel(5)).toBe(false)
    expect(stream.create({ key: 'a', watchId: 5, startRevision: 1 })).toBe(5)
    expect(stream.cancel(5)).toBe(true)
    expect(stream.take()).toEqual([])
  })

  test('delivers nothing of a cancelled watcher, not even what was pending', () => {
    const mvcc = open()
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a' })
    stream.create({ key: 'a' })
    put(mvcc, 'a')
    expect(stream.cancel(0)).toBe(true)
    expect(stream.cancel(0)).toBe(false)
    put(mvcc, 'a')
    expect(told(stream.take())).toEqual(['1: put a@2', '1: put a@3'])
  })

  test('is announced once, however often its pending responses come and go', () => {
    const mvcc = open()
    const stream = mvcc.openWatchStream()
    for (let i = 0; i < 3; i++) {
      const id = stream.create({ key: 'a' })
      put(mvcc, 'a')
      if (id !== 'watchIdInUse' && i < 2) stream.cancel(id)
    }
    expect(mvcc.takeReadyStreams()).toEqual([stream])
    expect(mvcc.takeReadyStreams()).toEqual([])
  })

  test('has the room again that a cancelled watcher took', () => {
    const mvcc = open({ pendingMaxBytes: 100 })
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a' })
    stream.create({ key: 'b' })
    put(mvcc, 'b')
    put(mvcc, 'a', 'x'.repeat(80))
    stream.cancel(0)
    put(mvcc, 'b')
    expect(told(stream.take())).toEqual(['1: put b@2', '1: put b@4'])
  })

  test('goes on with a watcher that waited for room, when a cancellation makes it', () => {
    const mvcc = open({ pendingMaxResponses: 1 })
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a' })
    stream.create({ key: 'b' })
    put(mvcc, 'a')
    put(mvcc, 'b')
    stream.cancel(0)
    expect(stream.pending).toBe(0)
    while (mvcc.watchSyncStep(10));
    expect(told(stream.take())).toEqual(['1: put b@3'])
  })

  test('that is closed has no watchers and delivers nothing more', () => {
    const mvcc = open()
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a' })
    stream.create({ key: 'a', startRevision: 1 })
    put(mvcc, 'a')
    stream.close()
    stream.close()
    put(mvcc, 'a')
    stream.requestProgress()
    while (mvcc.watchSyncStep(1));
    expect(stream.take()).toEqual([])
    expect(mvcc.watchers).toBe(0)
    expect(mvcc.takeReadyStreams()).toEqual([])
    expect(() => stream.create({ key: 'a' })).toThrow(InvariantError)
  })

  test('catches up whatever the budget of a step is', () => {
    const mvcc = open()
    put(mvcc, 'a')
    put(mvcc, 'a')
    const stream = mvcc.openWatchStream()
    stream.create({ key: 'a', startRevision: 1 })
    while (mvcc.watchSyncStep(0));
    expect(told(stream.take())).toEqual(['0: put a@2', '0: put a@3'])
  })
})

describe('streams that another core takes over', () => {
  /** Two cores with the same history, of which the second is ahead. */
  function ahead(options: WatchOptions = {}): { behind: Mvcc; ahead: Mvcc } {
    const cores = { behind: open(options), ahead: open(options) }
    for (let i = 0; i < 3; i++) {
      put(cores.behind, 'a')
      put(cores.ahead, 'a')
    }
    return cores
  }

  test('go on with what their watchers have not had, and then with what happens', () => {
    const { behind, ahead: next } = ahead()
    const stream = behind.openWatchStream()
    stream.create({ key: 'a', startRevision: 3 })
    stream.create({ key: 'a' })
    stream.create({ key: 'a', startRevision: 7 })
    while (behind.watchSyncStep(10));
    put(next, 'a')
    put(next, 'a')
    next.adoptWatchStreams(behind)
    expect(next.watchers).toBe(3)
    expect(next.takeReadyStreams()).toEqual([stream])
    while (next.watchSyncStep(10));
    put(next, 'a')
    expect(told(stream.take())).toEqual([
      '0: put a@3, put a@4',
      '0: put a@5, put a@6',
      '1: put a@5, put a@6',
      '0: put a@7',
      '1: put a@7',
      '2: put a@7',
    ])
    put(next, 'a')
    expect(next.takeReadyStreams()).toEqual([stream])
    stream.close()
    expect(next.watchers).toBe(0)
  })

  test('end where what a watcher needs is compacted', () => {
    const { behind, ahead: next } = ahead()
    const stream = behind.openWatchStream()
    stream.create({ key: 'a' })
    for (let i = 0; i < 4; i++) put(next, 'a')
    next.compact(8)
    next.adoptWatchStreams(behind)
    while (next.watchSyncStep(10));
    expect(told(stream.take())).toEqual(['0: compacted 8'])
  })

  test('need nothing from before what their watchers have seen without any event for them', () => {
    const { behind, ahead: next } = ahead()
    const stream = behind.openWatchStream()
    stream.create({ key: 'b' })
    for (const mvcc of [behind, next]) for (let i = 0; i < 4; i++) put(mvcc, 'a')
    next.compact(8)
    next.adoptWatchStreams(behind)
    while (next.watchSyncStep(10));
    put(next, 'b')
    expect(told(stream.take())).toEqual(['0: put b@9'])
  })

  test('leave a watcher parked that has no room, until its reader comes', () => {
    const { behind, ahead: next } = ahead({ pendingMaxResponses: 1 })
    const stream = behind.openWatchStream()
    stream.create({ key: 'a' })
    put(behind, 'a')
    put(behind, 'a')
    for (let i = 0; i < 3; i++) put(next, 'a')
    next.adoptWatchStreams(behind)
    expect(next.watchersUnsynced).toBe(false)
    expect(told(stream.take())).toEqual(['0: put a@5'])
    while (next.watchSyncStep(10));
    expect(told(stream.take())).toEqual(['0: put a@6, put a@7'])
  })

  test('answer a request for progress only when their watchers have caught up there', () => {
    const { behind, ahead: next } = ahead()
    const stream = behind.openWatchStream()
    stream.create({ key: 'b' })
    put(next, 'a')
    next.adoptWatchStreams(behind)
    stream.requestProgress()
    expect(told(stream.take())).toEqual([])
    while (next.watchSyncStep(10));
    expect(told(stream.take())).toEqual(['all: progress 5'])
  })
})
