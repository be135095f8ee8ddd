import type { Registry } from 'prom-client'
import { Counter, Gauge } from 'prom-client'
import type { etcdserverpb } from '../generated/messages.js'
import type { TxnResponse, WatchResponse } from '../messages.ts'

/** A count without labels. A plain number, because every call passes here; it is read when asked. */
class Count {
  #value = 0

  constructor(registry: Registry, name: string, help: string) {
    const read = (): number => this.#value
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }

  add(more = 1): void {
    this.#value += more
  }
}

/** Counts what successful calls did to keys and leases. */
export class KvMetrics {
  readonly #ranges: Count
  readonly #puts: Count
  readonly #putBytes: Count
  readonly #deletes: Count
  readonly #txns: Count
  readonly #events: Count
  readonly #granted: Count
  readonly #revoked: Count
  readonly #renewed: Count
  /** Watch streams that are open. */
  readonly watchStreams: Gauge

  constructor(registry: Registry) {
    const counter = (name: string, help: string): Count => new Count(registry, name, help)
    this.#ranges = counter('etcd_mvcc_range_total', 'Ranges read.')
    this.#puts = counter('etcd_mvcc_put_total', 'Puts.')
    this.#putBytes = counter('etcd_debugging_mvcc_total_put_size_in_bytes', 'Keys and values put.')
    this.#deletes = counter('etcd_mvcc_delete_total', 'Ranges deleted.')
    this.#txns = counter('etcd_mvcc_txn_total', 'Transactions with more than one operation.')
    this.#events = counter('etcd_debugging_mvcc_events_total', 'Events sent to watchers.')
    this.#granted = counter('etcd_debugging_lease_granted_total', 'Leases granted.')
    this.#revoked = counter('etcd_debugging_lease_revoked_total', 'Leases revoked by clients.')
    this.#renewed = counter('etcd_debugging_lease_renewed_total', 'Leases renewed.')
    this.watchStreams = new Gauge({
      name: 'etcd_debugging_mvcc_watch_stream_total',
      help: 'Watch streams that are open.',
      registers: [registry],
    })
  }

  ranged(): void {
    this.#ranges.add()
  }

  put({ key, value }: etcdserverpb.PutRequest): void {
    this.#puts.add()
    this.#putBytes.add((key?.length ?? 0) + (value?.length ?? 0))
  }

  deleted(): void {
    this.#deletes.add()
  }

  /** Counts the branch that was taken. */
  txn(request: etcdserverpb.TxnRequest, response: TxnResponse): void {
    if (this.#count(request, response) > 1) this.#txns.add()
  }

  #count(request: etcdserverpb.TxnRequest, response: TxnResponse): number {
    const taken = (response.succeeded ? request.success : request.failure) ?? []
    let operations = 0
    taken.forEach(({ requestRange, requestPut, requestDeleteRange, requestTxn }, index) => {
      const nested = response.responses[index]?.responseTxn
      operations += requestTxn && nested ? this.#count(requestTxn, nested) : 1
      if (requestRange) this.ranged()
      if (requestPut) this.put(requestPut)
      if (requestDeleteRange) this.deleted()
    })
    return operations
  }

  watched(response: WatchResponse): void {
    this.#events.add(response.events.length)
  }

  leaseGranted(): void {
    this.#granted.add()
  }

  leaseRevoked(): void {
    this.#revoked.add()
  }

  leaseKeptAlive({ TTL }: etcdserverpb.LeaseKeepAliveResponse): void {
    if (Number(TTL ?? 0) > 0) this.#renewed.add()
  }
}
