import type { Store } from '@orrery/store'
import type { Namespace, Service, ServiceKey } from '../model.ts'
import type { CallOptions, Page, ServiceQuery, ServiceSummary } from '../registry.ts'

/** What the catalog shows: this member's view of the store. */
export interface CatalogView {
  namespace(name: string): Namespace | undefined
  namespaces(): Iterable<Namespace>
  service(key: ServiceKey): Service | undefined
  /** In order of namespace and name. */
  services(query: ServiceQuery): Page<ServiceSummary>
  reached(revision: number, options: CallOptions): Promise<void>
  /** @throws RegistryError when the registry does not serve */
  ensureOpen(): void
}

/** What the catalog works with. */
export interface CatalogDeps {
  readonly store: Pick<Store, 'get' | 'range' | 'txn'>
  /** Under which all keys stand. */
  readonly prefix: string
  /** Creates namespaces with their first service. */
  readonly autoCreate: boolean
  readonly view: CatalogView
}
