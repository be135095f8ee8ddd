import type { KeyValue } from '@orrery/mvcc'
import type { TxnOp } from '@orrery/store'
import { createDecoder, type Decoder, encodeNamespace, encodeService } from '../codec.ts'
import { RegistryError } from '../errors.ts'
import { objectOf } from '../fields.ts'
import { aliasPath, escapeName, servicePath } from '../keys.ts'
import type { Service, ServiceKey, ServiceSpec } from '../model.ts'
import type { CallOptions, Page, ServiceQuery, Services, ServiceSummary, WriteOptions } from '../registry.ts'
import { checkServiceKey, toNamespace, toService } from '../validate.ts'
import type { CatalogDeps } from './catalog-deps.ts'
import { isAbsent, isAt, isPresent } from './conditions.ts'
import { badAlias, noNamespace, noService } from './refusals.ts'
import { type DeleteOptions, ServiceDeletion } from './service-deletion.ts'
import { type Change, rewrite, untilDecided } from './until-decided.ts'

/** Services in the store. Every write is one txn, which decides by what the store has, not by what is shown here. */
export function createServices(deps: CatalogDeps): Services {
  return new StoreServices(deps)
}

class StoreServices implements Services {
  readonly #deps: CatalogDeps
  readonly #decoder: Decoder = createDecoder()

  constructor(deps: CatalogDeps) {
    this.#deps = deps
  }

  async create(key: ServiceKey, spec: ServiceSpec = {}, options: CallOptions = {}): Promise<Service> {
    const { view } = this.#deps
    view.ensureOpen()
    const draft = toService(key, spec)
    const { aliasOf } = draft
    const value = encodeService(draft)
    const revision = await untilDecided(async () => {
      const target = aliasOf && (await this.#targetOf(key, aliasOf, options))
      return await this.#createOnce(key, { value, target }, options)
    })
    await view.reached(revision, options)
    return { ...draft, revision, createdRevision: revision }
  }

  async update(key: ServiceKey, changes: ServiceSpec, options: WriteOptions = {}): Promise<Service> {
    this.#deps.view.ensureOpen()
    checkServiceKey(key)
    if (objectOf(changes, 'service')['aliasOf'] !== undefined) {
      throw badAlias('what a service is an alias of does not change')
    }
    const read = (kv: KeyValue): Service => this.#decoder.service(key, kv)
    const change = (current: Service): Change<Service> => {
      const draft = toService(key, changes, current)
      return { value: encodeService(draft), result: (revision) => ({ ...current, ...draft, revision }) }
    }
    const missing = (): RegistryError => noService(key)
    return await rewrite(this.#deps, { key: this.#keyOf(key), read, change, missing }, options)
  }

  async delete(key: ServiceKey, options: DeleteOptions = {}): Promise<void> {
    const { view } = this.#deps
    view.ensureOpen()
    checkServiceKey(key)
    const revision = await new ServiceDeletion(this.#deps, key, options).run()
    await view.reached(revision, options)
  }

  get(key: ServiceKey): Service | undefined {
    return this.#deps.view.service(key)
  }

  list(query: ServiceQuery = {}): Page<ServiceSummary> {
    return this.#deps.view.services(query)
  }

  /** @returns the revision of the creation; undefined: the target of the alias changed meanwhile */
  async #createOnce(
    key: ServiceKey,
    { value, target }: { readonly value: string; readonly target: Target | undefined },
    options: CallOptions,
  ): Promise<number | undefined> {
    const { store, prefix, autoCreate } = this.#deps
    const own = this.#keyOf(key)
    const space = `${prefix}namespaces/${escapeName(key.namespace)}`
    const ensure: readonly TxnOp[] = autoCreate ? [ensureNamespace(space, key.namespace)] : []
    const { succeeded, revision, responses } = await store.txn(
      {
        compare: [
          isAbsent(own),
          ...(autoCreate ? [] : [isPresent(space)]),
          ...(target === undefined ? [] : [isAt(this.#keyOf(target.key), target.kv)]),
        ],
        success: [
          ...ensure,
          { type: 'put', key: own, value },
          ...(target === undefined ? [] : [this.#putAlias(key, target.key)]),
        ],
        failure: [
          { type: 'range', key: own, countOnly: true },
          { type: 'range', key: space, countOnly: true },
        ],
      },
      options,
    )
    if (succeeded) return revision
    const [existing, parent] = responses
    if (existing?.type === 'range' && existing.count > 0) {
      throw new RegistryError('REGISTRY_SERVICE_EXISTS', `there is a service ${key.service} already`)
    }
    if (!autoCreate && parent?.type === 'range' && parent.count === 0) throw noNamespace(key.namespace)
    return undefined
  }

  /** What an alias is to stand for: a service that is none itself. */
  async #targetOf(key: ServiceKey, aliasOf: ServiceKey, options: CallOptions): Promise<Target> {
    if (servicePath(key) === servicePath(aliasOf)) throw badAlias('a service is no alias of itself')
    const kv = await this.#deps.store.get(this.#keyOf(aliasOf), options)
    if (kv === undefined) throw noService(aliasOf)
    if (this.#decoder.service(aliasOf, kv).aliasOf !== undefined) {
      throw badAlias(`${aliasOf.service} is an alias itself`)
    }
    return { key: aliasOf, kv }
  }

  /** By which whoever deletes the target finds the alias. */
  #putAlias(alias: ServiceKey, target: ServiceKey): TxnOp {
    return { type: 'put', key: this.#deps.prefix + aliasPath(target, alias), value: '{}' }
  }

  #keyOf(key: ServiceKey): string {
    return `${this.#deps.prefix}services/${servicePath(key)}`
  }
}

/** What an alias stands for, as it was read. */
interface Target {
  readonly key: ServiceKey
  readonly kv: KeyValue
}

function ensureNamespace(key: string, name: string): TxnOp {
  const value = encodeNamespace(toNamespace(name, {}))
  return { type: 'txn', compare: [isAbsent(key)], success: [{ type: 'put', key, value }] }
}
