import type { Instance } from '@orrery/registry'
import { appOfService } from './mapping.ts'
import { firstVersionStatus } from './status.ts'
import { AppView } from './view/app-view.ts'
import { type DeltaLimits, DeltaLog } from './delta.ts'
import { memberKeyOf, ShownInstance } from './view/shown-instance.ts'
import { type Mark, VipIndex } from './view/vip-index.ts'
import { hashCodeOf } from './wire/hash-code.ts'
import type { InstanceStatus } from './wire/instance-info.ts'

/** When something happened, and whether clients are to learn of it by deltas. */
export interface ChangeTime {
  /** The store revision. */
  readonly revision: number
  /** By the monotonic clock. Unit: ms. */
  readonly atMs: number
  /** It is only read anew: nothing has happened. */
  readonly isQuiet?: boolean | undefined
}

/** What {@link Applications} works with. */
export interface ApplicationsParts {
  readonly deltaLimits: DeltaLimits
  /** Numbers that grow: what is cached for one of them never fits anything else. */
  readonly nextGeneration: () => number
  /** Told of what nobody will read any more. */
  readonly releases: Releases
}

/** Who keeps something for what is shown. */
export interface Releases {
  instance(shown: ShownInstance): void
  app(app: AppView): void
}

/**
 * The applications of one namespace, folded from changes of instances: what lists, deltas and hash codes are made of. At any
 * moment they agree with each other.
 */
export class Applications {
  readonly apps = new Map<string, AppView>()
  readonly vips = new VipIndex()
  readonly secureVips = new VipIndex()
  readonly delta: DeltaLog
  /** Another one with each change of what is shown. */
  generation = 0
  /** The store revision of the last change. */
  revision = 0
  /** Instances whose next heartbeat is to make them register. */
  mustRegister = 0
  /** Instances that are shown. */
  size = 0
  readonly #counts = new Map<InstanceStatus, number>()
  readonly #parts: ApplicationsParts
  #sorted: readonly AppView[] | undefined

  constructor(parts: ApplicationsParts) {
    this.#parts = parts
    this.generation = parts.nextGeneration()
    this.delta = new DeltaLog(parts.deltaLimits, (shown) => parts.releases.instance(shown))
  }

  /** Nothing is shown, and nothing is remembered. */
  get isIdle(): boolean {
    return this.apps.size === 0 && this.delta.size === 0
  }

  /** In order of their names. None is empty. */
  sorted(): readonly AppView[] {
    return (this.#sorted ??= [...this.apps.values()].sort((a, b) => (a.name < b.name ? -1 : 1)))
  }

  /** @param app whatever its upper and lower case */
  find(app: string, id: string): ShownInstance | undefined {
    return this.apps.get(app.toUpperCase())?.find(id)
  }

  /** The first one of all applications, in order of their names. */
  findById(id: string): ShownInstance | undefined {
    for (const app of this.sorted()) {
      const shown = app.find(id)
      if (shown !== undefined) return shown
    }
    return undefined
  }

  /** Of all that is shown. */
  hashCode(isFirstVersion: boolean): string {
    return hashCodeOf(isFirstVersion ? firstVersionCounts(this.#counts) : this.#counts)
  }

  /** Shows an instance, in place of what was shown of it. */
  put(instance: Instance, status: InstanceStatus, time: ChangeTime): void {
    const name = appOfService(instance.service)
    let app = this.apps.get(name)
    if (app === undefined) {
      this.apps.set(name, (app = new AppView(name)))
      this.#sorted = undefined
    }
    const key = memberKeyOf(instance)
    const previous = app.members.get(key)
    if (previous?.instance === instance && previous.status === status) return
    const shown = new ShownInstance(instance, status, previous === undefined ? 'ADDED' : 'MODIFIED')
    const mark = this.#mark(app, time)
    if (previous !== undefined) this.#uncount(previous, mark)
    app.put(key, shown)
    this.#count(shown, mark)
    if (time.isQuiet !== true) this.delta.add(shown, time.atMs)
    if (previous !== undefined) this.#parts.releases.instance(previous)
  }

  /** Shows an instance no longer. Does nothing when it is not shown. */
  remove(instance: Instance, time: ChangeTime): void {
    const app = this.apps.get(appOfService(instance.service))
    const key = memberKeyOf(instance)
    const previous = app?.members.get(key)
    if (app === undefined || previous === undefined) return
    const mark = this.#mark(app, time)
    this.#uncount(previous, mark)
    app.delete(key, previous)
    if (app.members.size === 0) {
      this.apps.delete(app.name)
      this.#sorted = undefined
      this.#parts.releases.app(app)
    }
    this.delta.add(new ShownInstance(previous.instance, previous.status, 'DELETED'), time.atMs)
    this.#parts.releases.instance(previous)
  }

  #mark(app: AppView, { revision }: ChangeTime): Mark {
    this.generation = this.#parts.nextGeneration()
    this.revision = Math.max(this.revision, revision)
    app.generation = this.generation
    return { generation: this.generation, revision: this.revision }
  }

  #count(shown: ShownInstance, mark: Mark): void {
    this.size++
    this.#counts.set(shown.status, (this.#counts.get(shown.status) ?? 0) + 1)
    if (shown.mustRegister) this.mustRegister++
    this.vips.add(shown.vips, shown, mark)
    this.secureVips.add(shown.secureVips, shown, mark)
  }

  #uncount(shown: ShownInstance, mark: Mark): void {
    this.size--
    this.#counts.set(shown.status, (this.#counts.get(shown.status) ?? 0) - 1)
    if (shown.mustRegister) this.mustRegister--
    this.vips.remove(shown.vips, shown, mark)
    this.secureVips.remove(shown.secureVips, shown, mark)
  }
}

/** Of these instances. */
export function hashCodeOfInstances(instances: Iterable<ShownInstance>, isFirstVersion: boolean): string {
  const counts = new Map<InstanceStatus, number>()
  for (const { status } of instances) counts.set(status, (counts.get(status) ?? 0) + 1)
  return hashCodeOf(isFirstVersion ? firstVersionCounts(counts) : counts)
}

function firstVersionCounts(
  counts: ReadonlyMap<InstanceStatus, number>,
): ReadonlyMap<InstanceStatus, number> {
  const result = new Map<InstanceStatus, number>()
  for (const [status, count] of counts) {
    const known = firstVersionStatus(status)
    result.set(known, (result.get(known) ?? 0) + count)
  }
  return result
}
