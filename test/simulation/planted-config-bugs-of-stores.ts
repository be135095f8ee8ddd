import { altered } from '@orrery/simulation'
import type { Store, TxnOp, TxnRequest, WatchStream } from '@orrery/store'
import { watchesFrom } from './watches-from.ts'
import { calm, lostWatches, type PlantedConfigBug, storeAs } from './planted-config-bugs-helpers.ts'

const text = new TextDecoder()

function textOf(bytes: string | Uint8Array): string {
  return typeof bytes === 'string' ? bytes : text.decode(bytes)
}

/** A txn without some of its operations, those of the txns in it included. */
function without(request: TxnRequest, isLost: (op: Exclude<TxnOp, { type: 'txn' }>) => boolean): TxnRequest {
  return {
    ...request,
    success: (request.success ?? [])
      .filter((op) => op.type === 'txn' || !isLost(op))
      .map((op): TxnOp => (op.type === 'txn' ? { ...op, ...without(op, isLost) } : op)),
  }
}

/** A txn that does not look at how files are. */
function hasty(request: TxnRequest): TxnRequest {
  return {
    ...request,
    compare: (request.compare ?? []).filter(({ key }) => !textOf(key).startsWith('config/live/files/')),
    success: (request.success ?? []).map((op): TxnOp => (op.type === 'txn' ? { ...op, ...hasty(op) } : op)),
  }
}

/** A stream of which some responses are lost. */
function losing(stream: WatchStream, isLost: (nth: number) => boolean): WatchStream {
  let events = 0
  return altered(stream, {
    [Symbol.asyncIterator]: async function* () {
      for await (const responses of stream) {
        yield responses.filter(({ type }) => type !== 'events' || !isLost(events++))
      }
    },
  })
}

/** Who reads its state anew finds what it once read, too. */
function rememberingReads(store: Store): Partial<Store> {
  const files = 'config/live/files/'
  const read = new Map<string, Awaited<ReturnType<Store['range']>>['kvs'][number]>()
  return {
    range: async (request, options) => {
      const answer = await store.range(request, options)
      if (textOf(request.key) !== files || request.keysOnly === true) return answer
      for (const kv of answer.kvs) read.set(kv.keyString, kv)
      return { ...answer, kvs: [...read.values()] }
    },
  }
}

/** Bugs between hubs and their stores: in what is written, and in what is told of it. */
export const plantedConfigBugsOfStores: readonly PlantedConfigBug[] = [
  {
    name: 'a hub drops a change that its store told it',
    seedsMax: 3,
    sabotage: storeAs((store) => ({
      openWatchStream: () => losing(store.openWatchStream(), (nth) => nth % 40 === 39),
    })),
    faults: calm,
  },
  {
    name: 'the versions of a deleted file are forgotten',
    seedsMax: 3,
    sabotage: storeAs((store) => ({
      txn: (request, options) =>
        store.txn(
          without(request, (op) => op.type === 'put' && textOf(op.key).startsWith('config/live/gone/')),
          options,
        ),
    })),
  },
  {
    name: 'a file is changed though it is not what it was any more',
    seedsMax: 5,
    sabotage: storeAs((store) => ({ txn: (request, options) => store.txn(hasty(request), options) })),
  },
  {
    name: 'a write is answered before its member has seen it',
    seedsMax: 3,
    sabotage: storeAs((store) => ({
      txn: async (request, options) => {
        const { revision, ...result } = await store.txn(request, options)
        const writes = JSON.stringify(request.success ?? []).includes('config/audit/')
        return { ...result, revision: writes ? revision - 1 : revision }
      },
    })),
    faults: calm,
  },
  {
    name: 'a write is not in the trail',
    seedsMax: 3,
    sabotage: storeAs((store) => ({
      txn: (request, options) =>
        store.txn(
          without(
            request,
            (op) =>
              op.type === 'put' &&
              textOf(op.key).startsWith('config/audit/all/') &&
              textOf(op.value ?? '').includes('"withdrawn"'),
          ),
          options,
        ),
    })),
  },
  {
    name: 'a watch of the store that ended is taken up behind what it had not delivered',
    seedsMax: 5,
    sabotage: storeAs((store) =>
      watchesFrom(store, ({ startRevision = 0, ...request }, opened) => ({
        ...request,
        startRevision: opened === 0 ? startRevision : startRevision + 1,
      })),
    ),
    faults: lostWatches,
  },
  {
    name: 'a hub that reads its state anew keeps what is gone',
    seedsMax: 10,
    sabotage: storeAs(rememberingReads),
    faults: lostWatches,
  },
]
