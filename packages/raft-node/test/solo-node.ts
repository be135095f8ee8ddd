import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { encodeMessages, type Message, type Snapshot } from '@orrery/raft'
import { ByteWriter } from '../src/byte-writer.ts'
import {
  createMemoryLogStorage,
  createRaftNode,
  initialIds,
  initialStart,
  MemberTable,
  type NodeHost,
  type NodeOptions,
  type NodeProposal,
  type RaftNode,
  type Transport,
  type TransportHandler,
} from '../src/index.ts'

/** A member whose peers are the test: what it sends is kept, what it hears is what the test says. */
export interface SoloNode {
  readonly node: RaftNode<NodeProposal>
  readonly environment: ManualEnvironment
  readonly handler: TransportHandler
  readonly memberIds: readonly bigint[]
  readonly sent: Message[]
  readonly failures: Error[]
  readonly discarded: string[]
  settle(): Promise<void>
}

export async function startSolo(names: readonly string[], options: NodeOptions = {}): Promise<SoloNode> {
  const environment = createManualEnvironment()
  const initial = { members: names.map((name) => [name]), token: 'solo' }
  const { clusterId, memberIds } = initialIds(initial)
  const start = initialStart(initial)
  const sent: Message[] = []
  const failures: Error[] = []
  const discarded: string[] = []
  let handler: TransportHandler | undefined
  const transport: Transport = {
    address: 'solo',
    start: (_, given) => {
      handler = given
      return Promise.resolve()
    },
    setPeers: () => {},
    send: (messages) => void sent.push(...messages),
    sendSnapshot: () => Promise.reject(new Error('nobody is there')),
    request: () => Promise.reject(new Error('nobody is there')),
    connectedMs: () => undefined,
    close: () => Promise.resolve(),
  }
  const host: NodeHost = {
    onCommitted: () => {
      for (let next = node.take(); next !== undefined; next = node.take()) node.applied(next.index)
    },
    onLeadership: () => {},
    readState: () => ({ index: node.status().appliedIndex, content: nothing() }),
    receiveState: async (content) => {
      await content[Symbol.asyncIterator]().next()
      return 'received'
    },
    installState: () => Promise.resolve(),
    discardState: (name) => void discarded.push(name),
    onRequest: (_, request) => Promise.resolve(request),
    onRemoved: () => {},
    onFailure: (error) => void failures.push(error),
  }
  const node = createRaftNode<NodeProposal>(
    {
      environment,
      identity: { clusterId, memberId: memberIds[0] ?? 0n, directoryId: 0n },
      transport,
      storage: createMemoryLogStorage(),
      start,
      members: new MemberTable(start.membership),
      host,
    },
    options,
  )
  await node.start()
  if (handler === undefined) throw new Error('the member did not start its transport')
  const solo: SoloNode = {
    node,
    environment,
    handler,
    memberIds,
    sent,
    failures,
    discarded,
    settle: () => new Promise(setImmediate),
  }
  await solo.settle()
  return solo
}

export async function* nothing(): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  yield* []
}

export function snapshotHeader(
  envelope: { readonly from: bigint; readonly to: bigint; readonly term: number },
  snapshot: Snapshot,
): Uint8Array {
  const message = encodeMessages([{ type: 'snapshot', ...envelope, snapshot }])
  return new ByteWriter().bytes(message).bytes(new MemberTable(snapshot.membership).encode()).finish()
}
