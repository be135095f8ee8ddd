import type { KeyValue } from '@orrery/mvcc'
import { createDecoder, type Decoder, encodeNamespace } from '../codec.ts'
import { RegistryError } from '../errors.ts'
import { endOf, escapeName } from '../keys.ts'
import type { Namespace, NamespaceSpec } from '../model.ts'
import type { CallOptions, Namespaces, WriteOptions } from '../registry.ts'
import { checkNamespaceName, toNamespace } from '../validate.ts'
import type { CatalogDeps } from './catalog-deps.ts'
import { isAbsent, isAt, isEmpty, requireRevision } from './conditions.ts'
import { noNamespace } from './refusals.ts'
import { type Change, rewrite, untilDecided } from './until-decided.ts'

/** Namespaces in the store. Every write is one txn, which decides by what the store has, not by what is shown here. */
export function createNamespaces(deps: CatalogDeps): Namespaces {
  return new StoreNamespaces(deps)
}

class StoreNamespaces implements Namespaces {
  readonly #deps: CatalogDeps
  readonly #decoder: Decoder = createDecoder()

  constructor(deps: CatalogDeps) {
    this.#deps = deps
  }

  async create(name: string, spec: NamespaceSpec = {}, options: CallOptions = {}): Promise<Namespace> {
    const { store, view } = this.#deps
    view.ensureOpen()
    const draft = toNamespace(name, spec)
    const key = this.#keyOf(name)
    const { succeeded, revision } = await store.txn(
      { compare: [isAbsent(key)], success: [{ type: 'put', key, value: encodeNamespace(draft) }] },
      options,
    )
    if (!succeeded)
      throw new RegistryError('REGISTRY_NAMESPACE_EXISTS', `there is a namespace ${name} already`)
    await view.reached(revision, options)
    return { ...draft, revision, createdRevision: revision }
  }

  async update(name: string, changes: NamespaceSpec, options: WriteOptions = {}): Promise<Namespace> {
    const { view } = this.#deps
    view.ensureOpen()
    checkNamespaceName(name)
    const key = this.#keyOf(name)
    const read = (kv: KeyValue): Namespace => this.#decoder.namespace(name, kv)
    const change = (current: Namespace): Change<Namespace> => {
      const draft = toNamespace(name, changes, current)
      return { value: encodeNamespace(draft), result: (revision) => ({ ...current, ...draft, revision }) }
    }
    const missing = (): RegistryError => noNamespace(name)
    return await rewrite(this.#deps, { key, read, change, missing }, options)
  }

  async delete(name: string, options: WriteOptions = {}): Promise<void> {
    const { view } = this.#deps
    view.ensureOpen()
    checkNamespaceName(name)
    const revision = await untilDecided(() => this.#deleteOnce(name, options))
    await view.reached(revision, options)
  }

  get(name: string): Namespace | undefined {
    return this.#deps.view.namespace(name)
  }

  list(): readonly Namespace[] {
    return [...this.#deps.view.namespaces()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** @returns the revision of the deletion; undefined: something came in between */
  async #deleteOnce(name: string, options: WriteOptions): Promise<number | undefined> {
    const { store, prefix } = this.#deps
    const key = this.#keyOf(name)
    const services = `${prefix}services/${escapeName(name)}/`
    const kv = await store.get(key, options)
    if (kv === undefined) throw noNamespace(name)
    requireRevision(options, kv)
    const { succeeded, revision, responses } = await store.txn(
      {
        compare: [isAt(key, kv), isEmpty(services)],
        success: [{ type: 'deleteRange', key }],
        failure: [{ type: 'range', key: services, rangeEnd: endOf(services), countOnly: true }],
      },
      options,
    )
    if (succeeded) return revision
    const [inUse] = responses
    if (inUse?.type === 'range' && inUse.count > 0) {
      throw new RegistryError('REGISTRY_NAMESPACE_IN_USE', `${name} still has ${inUse.count} services`)
    }
    return undefined
  }

  #keyOf(name: string): string {
    return `${this.#deps.prefix}namespaces/${escapeName(name)}`
  }
}
