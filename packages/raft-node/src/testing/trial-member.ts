import type { MemberId, Message } from '@orrery/raft'
import type { IncomingSnapshot, Peer, PeerIdentity, Transport, TransportHandler } from '../ports.ts'

/** What happens at a member, in place of a member: it keeps what it is told, and does what a case wants. */
export class TrialMember implements TransportHandler {
  readonly transport: Transport
  readonly identity: PeerIdentity
  readonly received: Message[] = []
  readonly unreachable: MemberId[] = []
  /** Who asked to talk to this member, or answered it. */
  readonly met: PeerIdentity[] = []
  /** Says why somebody is not welcome. By default: who is of another cluster. */
  judge: (peer: PeerIdentity) => string | undefined
  answer: (from: MemberId, request: Uint8Array) => Promise<Uint8Array> = (_, request) =>
    Promise.resolve(request)
  restore: (snapshot: IncomingSnapshot) => Promise<void> = async ({ content }) => {
    const chunks = content[Symbol.asyncIterator]()
    while ((await chunks.next()).done !== true);
  }

  constructor(transport: Transport, identity: PeerIdentity) {
    this.transport = transport
    this.identity = identity
    this.judge = ({ clusterId }) => (clusterId === identity.clusterId ? undefined : 'of another cluster')
  }

  get id(): MemberId {
    return this.identity.memberId
  }

  get peer(): Peer {
    return { id: this.id, addresses: [this.transport.address] }
  }

  /** The rounds of the heartbeats that arrived, in order. */
  get rounds(): readonly number[] {
    return this.received.flatMap((message) => (message.type === 'heartbeat' ? [message.round] : []))
  }

  /** A message that is known by its number. */
  beat(to: MemberId, round: number): void {
    this.transport.send([{ type: 'heartbeat', from: this.id, to, term: 1, commitIndex: 0, round }])
  }

  onMessages(messages: readonly Message[]): void {
    for (const message of messages) this.received.push(message)
  }

  onUnreachable(peer: MemberId): void {
    this.unreachable.push(peer)
  }

  onSnapshot(snapshot: IncomingSnapshot): Promise<void> {
    return this.restore(snapshot)
  }

  onRequest(from: MemberId, request: Uint8Array): Promise<Uint8Array> {
    return this.answer(from, request)
  }

  accepts(peer: PeerIdentity): string | undefined {
    this.met.push(peer)
    return this.judge(peer)
  }
}
