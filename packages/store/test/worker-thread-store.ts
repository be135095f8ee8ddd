import { hasCode } from '@orrery/environment'
import { createMemoryNetwork } from '@orrery/raft-node'
import { createMemoryStore, type OpenInWorker, openMember, StoreError } from '@orrery/store'

/** What the thread of a test is to do. */
export type ThreadOrder =
  | { readonly type: 'memory' }
  | { readonly type: 'member'; readonly directory: string }
  | { readonly type: 'refuse' }
  /** Opens, and dies soon after. */
  | { readonly type: 'die' }

export const openInWorker: OpenInWorker<ThreadOrder> = async (order, { environment }) => {
  switch (order.type) {
    case 'memory':
      environment.logger.info('a store in memory', { thread: true })
      return { store: createMemoryStore({ environment }) }
    case 'member': {
      const { clock } = environment
      return await openMember({
        directory: order.directory,
        transport: () => createMemoryNetwork({ clock }).transport('a'),
        peerAddresses: ['a'],
        origin: { type: 'new', members: [['a']] },
        name: 'a',
        environment,
      })
    }
    case 'refuse':
      throw new StoreError('STORE_LOCKED', 'somebody else has it', { cause: new RangeError('why') })
    case 'die': {
      const store = createMemoryStore({ environment })
      const watch = store.watch({ key: 'die' })
      watch[Symbol.asyncIterator]()
        .next()
        .then(
          () => {
            throw new Error('as it was told')
          },
          (error: unknown) => {
            if (!hasCode(error, 'STORE_CLOSED')) throw error
          },
        )
      return { store }
    }
  }
}
