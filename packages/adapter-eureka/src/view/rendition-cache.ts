import type { Rendition } from '../formats.ts'
import { toInstanceInfo } from '../mapping.ts'
import { firstVersionStatus } from '../status.ts'
import type { AppView } from './app-view.ts'
import type { ByteBudget, Holding } from './byte-budget.ts'
import type { ShownInstance } from './shown-instance.ts'

/** An application, encoded, and which generation of it that is. */
interface AppBody {
  readonly generation: number
  readonly bytes: Buffer
}

/** Instances and applications as one rendition has them. What has not changed is not encoded again. */
export class RenditionCache implements Holding {
  bytes = 0
  readonly isCheap = false
  readonly #rendition: Rendition
  readonly #budget: ByteBudget
  /** Those whose text is kept, with themselves. */
  readonly #instances = new Set<ShownInstance>()
  readonly #apps = new Map<AppView, AppBody>()

  constructor(rendition: Rendition, budget: ByteBudget) {
    this.#rendition = rendition
    this.#budget = budget
  }

  text(shown: ShownInstance): string {
    const { index } = this.#rendition
    const kept = shown.texts[index]
    if (kept !== undefined) return kept
    const text = encodeShown(shown, this.#rendition)
    shown.texts[index] = text
    this.#instances.add(shown)
    this.#grow(text.length)
    return text
  }

  /**
   * Encodes instances unless that is done already.
   *
   * @param isOver asked now and then whether it is enough for now
   * @returns whether it is done
   */
  prepareInstances(instances: Iterable<ShownInstance>, isOver: () => boolean): boolean {
    let encoded = 0
    for (const shown of instances) {
      if (shown.texts[this.#rendition.index] !== undefined) continue
      this.text(shown)
      if (++encoded % 32 === 0 && isOver()) return false
    }
    return true
  }

  /** Encodes applications unless that is done already, like {@link RenditionCache.prepareInstances}. */
  prepareApps(apps: Iterable<AppView>, isOver: () => boolean): boolean {
    for (const app of apps) {
      if (this.#apps.get(app)?.generation === app.generation) continue
      if (!this.prepareInstances(app.members.values(), isOver)) return false
      this.app(app)
      if (isOver()) return false
    }
    return true
  }

  /** An application, encoded now if need be. */
  app(app: AppView): Buffer {
    const kept = this.#apps.get(app)
    if (kept?.generation === app.generation) return kept.bytes
    const texts = Array.from(app.members.values(), (shown) => this.text(shown))
    const bytes = Buffer.from(this.#rendition.format.application(app.name, texts))
    this.#apps.set(app, { generation: app.generation, bytes })
    this.#grow(bytes.length - (kept?.bytes.length ?? 0))
    return bytes
  }

  /** Nobody will read it any more. */
  forget(shown: ShownInstance): void {
    if (!this.#instances.delete(shown)) return
    const { index } = this.#rendition
    this.#grow(-(shown.texts[index]?.length ?? 0))
    shown.texts[index] = undefined
  }

  forgetApp(app: AppView): void {
    const body = this.#apps.get(app)
    if (body === undefined) return
    this.#apps.delete(app)
    this.#grow(-body.bytes.length)
  }

  drop(): void {
    const { index } = this.#rendition
    for (const shown of this.#instances) shown.texts[index] = undefined
    this.#instances.clear()
    this.#apps.clear()
    this.bytes = 0
  }

  #grow(bytes: number): void {
    this.bytes += bytes
    this.#budget.grow(this, bytes)
  }
}

/** An instance, encoded without being kept. */
export function encodeShown(
  { instance, status, actionType }: ShownInstance,
  { format, form, isFirstVersion }: Rendition,
): string {
  const shown = isFirstVersion ? firstVersionStatus(status) : status
  return format.writeInstance(toInstanceInfo(instance, { status: shown, actionType }), form)
}
