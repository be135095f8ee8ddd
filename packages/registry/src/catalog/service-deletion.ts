import { hasCode } from '@orrery/environment'
import type { KeyValue } from '@orrery/mvcc'
import type { Compare, TxnOp } from '@orrery/store'
import { createDecoder, encodeRemovals, type StoredValue } from '../codec.ts'
import { aliasesPath, aliasPath, endOf, servicePath, unescapeName } from '../keys.ts'
import { registryLimits } from '../limits.ts'
import type { RemovalReason, ServiceKey } from '../model.ts'
import type { WriteOptions } from '../registry.ts'
import type { CatalogDeps } from './catalog-deps.ts'
import { isAt, isEmpty, requireRevision } from './conditions.ts'
import { noService, serviceInUse } from './refusals.ts'
import { untilDecided } from './until-decided.ts'

/** How a service is deleted. */
export interface DeleteOptions extends WriteOptions {
  /** Removes its instances first. */
  readonly withInstances?: boolean | undefined
}

/** Instances that are removed in one txn, beside the record that says why. */
const sliceMaxInstances = 99

/**
 * One deletion of a service.
 *
 * Its instances go first, a slice in each txn, then the service with what is kept beside it, in one. Each of these txns
 * has the same condition: the service is what was read, and nobody stands for it. Whatever ends the deletion before
 * its last txn leaves the service with the instances that have not gone, and another deletion goes on from there.
 *
 * An alias is written together with its key below `aliases/<target>/`, in a txn that has as its condition that the
 * target is what was read. So of the creation of an alias and the deletion of its target, the one that comes second at
 * the store fails: the deletion finds the key, or the creation does not find the service.
 */
export class ServiceDeletion {
  readonly #deps: CatalogDeps
  readonly #key: ServiceKey
  readonly #options: DeleteOptions
  /** Where it stands in the store, with what belongs to it. Those of several keys end with a slash. */
  readonly #at: Readonly<Record<'service' | 'removals' | 'instances' | 'aliases', string>>
  #removed = 0

  constructor(deps: CatalogDeps, key: ServiceKey, options: DeleteOptions) {
    this.#deps = deps
    this.#key = key
    this.#options = options
    const { prefix } = deps
    const path = servicePath(key)
    this.#at = {
      service: `${prefix}services/${path}`,
      removals: `${prefix}removals/${path}`,
      instances: `${prefix}instances/${path}/`,
      aliases: prefix + aliasesPath(key),
    }
  }

  /**
   * @returns the revision at which the service went
   * @throws RegistryError `REGISTRY_SERVICE_NOT_FOUND`, `REGISTRY_SERVICE_IN_USE`, `REGISTRY_CONFLICT`, `REGISTRY_OVERLOADED`
   */
  async run(): Promise<number> {
    return await untilDecided(async () => {
      const kv = await this.#deps.store.get(this.#at.service, this.#options)
      if (kv === undefined) throw noService(this.#key)
      requireRevision(this.#options, kv)
      if (this.#options.withInstances === true) await this.#removeInstances(kv)
      return await this.#removeService(kv)
    })
  }

  /** Removes all instances, a slice at a time, as long as nothing else happens to the service. */
  async #removeInstances(kv: StoredValue): Promise<void> {
    const { store } = this.#deps
    const { instances } = this.#at
    const { deleteMaxInstances } = registryLimits
    for (;;) {
      const { kvs, count } = await store.range(
        { key: instances, rangeEnd: endOf(instances), limit: sliceMaxInstances, keysOnly: true },
        this.#options,
      )
      if (kvs.length === 0) return
      if (this.#removed + count > deleteMaxInstances) {
        throw serviceInUse(`${this.#key.service} has ${count} instances, more than are removed with it`)
      }
      const { succeeded } = await store.txn(
        { compare: this.#conditions(kv), success: this.#removalOf(kvs) },
        this.#options,
      )
      if (!succeeded) return
      this.#removed += kvs.length
    }
  }

  /** Why instances go is told in the revision in which they go. */
  #removalOf(kvs: readonly KeyValue[]): readonly TxnOp[] {
    const { removals, instances } = this.#at
    const reason: RemovalReason = 'serviceDeleted'
    const reasons = new Map(
      kvs.map(({ keyString }) => [unescapeName(keyString.slice(instances.length)), reason]),
    )
    return [
      { type: 'put', key: removals, value: encodeRemovals(reasons) },
      ...kvs.map(({ keyString }): TxnOp => ({ type: 'deleteRange', key: keyString })),
    ]
  }

  /** @returns the revision of the deletion; undefined: something came in between */
  async #removeService(kv: StoredValue): Promise<number | undefined> {
    const { service, removals, instances, aliases } = this.#at
    const aliasOf = aliasOfStored(kv)
    const ownKeys = [
      service,
      removals,
      ...(aliasOf === undefined ? [] : [this.#deps.prefix + aliasPath(aliasOf, this.#key)]),
    ]
    const { succeeded, revision, responses } = await this.#deps.store.txn(
      {
        compare: [...this.#conditions(kv), isEmpty(instances)],
        success: ownKeys.map((key) => ({ type: 'deleteRange', key })),
        failure: [
          { type: 'range', key: aliases, rangeEnd: endOf(aliases), limit: 1, keysOnly: true },
          { type: 'range', key: instances, rangeEnd: endOf(instances), countOnly: true },
        ],
      },
      this.#options,
    )
    if (succeeded) return revision
    const [standing, left] = responses
    const alias = standing?.type === 'range' ? standing.kvs[0] : undefined
    if (alias !== undefined) {
      throw serviceInUse(`${alias.keyString.slice(aliases.length)} is an alias of ${this.#key.service}`)
    }
    if (this.#options.withInstances !== true && left?.type === 'range' && left.count > 0) {
      throw serviceInUse(`${this.#key.service} still has ${left.count} instances`)
    }
    return undefined
  }

  #conditions(kv: StoredValue): readonly Compare[] {
    return [isAt(this.#at.service, kv), isEmpty(this.#at.aliases)]
  }
}

/** Of a service of which only the value matters. */
const unnamed: ServiceKey = { namespace: '', service: '' }

/** What cannot be read is a service for nobody, and so no alias either. */
function aliasOfStored(kv: StoredValue): ServiceKey | undefined {
  try {
    return createDecoder().service(unnamed, kv).aliasOf
  } catch (error) {
    if (hasCode(error, 'REGISTRY_INVALID')) return undefined
    throw error
  }
}
