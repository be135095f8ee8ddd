import { createMemoryNetwork } from '@orrery/raft-node'
import { type OpenInWorker, openMember } from '@orrery/store'

/** What a thread is told of the store that it keeps. */
export interface ThreadedStore {
  readonly directory: string
}

/** A member that is alone, on the disk. */
export const openInWorker: OpenInWorker<ThreadedStore> = ({ directory }, { environment }) =>
  openMember({
    directory,
    transport: () => createMemoryNetwork({ clock: environment.clock }).transport('a'),
    peerAddresses: ['a'],
    origin: { type: 'new', members: [['a']] },
    name: 'a',
    environment,
  })
