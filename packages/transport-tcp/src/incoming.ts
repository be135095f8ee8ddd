import type { MemberId } from '@orrery/raft'
import type { ConnectionUser } from './connection.ts'
import { lost } from './connection.ts'
import type { Desk } from './desk.ts'
import { IncomingRequests, type RequestLoad } from './incoming-requests.ts'
import { IncomingSnapshot } from './incoming-snapshot.ts'
import { IncomingStream } from './incoming-stream.ts'
import { type Guest, Listener } from './listener.ts'
import { Refusal } from './refusal.ts'

/** All that others do here. */
export class Incoming {
  readonly listener: Listener
  readonly #desk: Desk
  readonly #guests = new Set<Guest>()
  /** A member has one stream: a newer one replaces it, since its member may know that the older one broke. */
  readonly #streams = new Map<MemberId, Guest>()
  #snapshots = 0
  readonly #requests: RequestLoad = { bytes: 0 }

  constructor(desk: Desk) {
    this.#desk = desk
    this.listener = new Listener(desk, (guest) => this.#admit(guest))
  }

  /** Ends the connections of whom the handler does not accept any more. */
  judge(): void {
    for (const { connection, peer } of [...this.#guests]) {
      const reason = this.#desk.handler.accepts(peer)
      if (reason !== undefined) connection.refuse(new Refusal('notAccepted', reason))
    }
  }

  /** @throws Refusal */
  #admit(guest: Guest): ConnectionUser {
    const user = this.#userFor(guest)
    this.#guests.add(guest)
    void guest.connection.closed.then(() => this.#guests.delete(guest))
    return user
  }

  #userFor(guest: Guest): ConnectionUser {
    switch (guest.purpose) {
      case 'stream':
        return this.#stream(guest)
      case 'snapshot':
        return this.#snapshot(guest)
      case 'request':
        return new IncomingRequests(this.#desk, guest, this.#requests)
    }
  }

  #stream(guest: Guest): ConnectionUser {
    const { memberId } = guest.peer
    const before = this.#streams.get(memberId)
    this.#streams.set(memberId, guest)
    before?.connection.destroy(lost('its member has dialled again'))
    return new IncomingStream(this.#desk, guest, () => {
      if (this.#streams.get(memberId) === guest) this.#streams.delete(memberId)
    })
  }

  #snapshot(guest: Guest): ConnectionUser {
    const { snapshotMaxConcurrent } = this.#desk.options
    if (this.#snapshots >= snapshotMaxConcurrent) {
      throw new Refusal('busy', `${snapshotMaxConcurrent} snapshots are being received already`)
    }
    this.#snapshots++
    return new IncomingSnapshot(this.#desk, guest, () => {
      this.#snapshots--
    })
  }
}
