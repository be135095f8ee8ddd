import type { Registry } from 'prom-client'
import { Counter, Gauge } from 'prom-client'
import type { etcdserverpb } from '../generated/messages.js'
import type { TxnResponse, WatchResponse } from '../messages.ts'

/** Counts what successful calls did to keys and leases. */
export class KvMetrics {
  readonly #ranges: Counter
  readonly #puts: Counter
  readonly #putBytes: Counter
  readonly #deletes: Counter
  readonly #txns: Counter
  readonly #events: Counter
  readonly #granted: Counter
  readonly #revoked: Counter
  readonly #renewed: Counter
  /** Watch streams that are open. */
  readonly watchStreams: Gauge

  constructor(registry: Registry) {
    const counter = (name: string, help: string): Counter =>
      new Counter({ name, help, registers: [registry] })
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
    this.#ranges.inc()
  }

  put({ key, value }: etcdserverpb.PutRequest): void {
    this.#puts.inc()
    this.#putBytes.inc((key?.length ?? 0) + (value?.length ?? 0))
  }

  deleted(): void {
    this.#deletes.inc()
  }

  /** Counts the branch that was taken. */
  txn(request: etcdserverpb.TxnRequest, response: TxnResponse): void {
    if (this.#count(request, response) > 1) this.#txns.inc()
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
    this.#events.inc(response.events.length)
  }

  leaseGranted(): void {
    this.#granted.inc()
  }

  leaseRevoked(): void {
    this.#revoked.inc()
  }

  leaseKeptAlive({ TTL }: etcdserverpb.LeaseKeepAliveResponse): void {
    if (Number(TTL ?? 0) > 0) this.#renewed.inc()
  }
}
