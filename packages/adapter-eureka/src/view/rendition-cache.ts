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
   * Encodes an application unless that is done already.
   *
   * @param isOver asked now and then whether it is enough for now
   * @returns whether it is done
   */
  prepare(app: AppView, isOver: () => boolean): boolean {
    if (this.#apps.get(app)?.generation === app.generation) return true
    const { format } = this.#rendition
    const texts: string[] = []
    for (const shown of app.members.values()) {
      texts.push(this.text(shown))
      if (texts.length % 64 === 0 && isOver()) return false
    }
    const bytes = Buffer.from(format.application(app.name, texts))
    this.#grow(bytes.length - (this.#apps.get(app)?.bytes.length ?? 0))
    this.#apps.set(app, { generation: app.generation, bytes })
    return true
  }

  /** An application, encoded now if need be. */
  app(app: AppView): Buffer {
    this.prepare(app, () => false)
    // It was put there just now if it was not there before.
    return this.#apps.get(app)?.bytes ?? Buffer.alloc(0)
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
