import type { Registry } from '@orrery/registry'
import { type Applications, hashCodeOfInstances } from '../applications.ts'
import { type Rendition, renditions } from '../formats.ts'
import type { AppView } from './app-view.ts'
import { ByteBudget } from './byte-budget.ts'
import type { List } from './lists.ts'
import { encodeShown, RenditionCache } from './rendition-cache.ts'
import type { ShownInstance } from './shown-instance.ts'
import type { VipGroup } from './vip-index.ts'

/** Which list is asked for. */
export interface ListRequest {
  readonly namespace: string
  /** What is shown of the namespace; undefined: nothing. */
  readonly applications: Applications | undefined
  readonly rendition: Rendition
}

/** Stands for what goes into an envelope. No body has one. */
const placeholder = '\0'

/** The lists of Eureka, made of encoded instances that are kept. */
export class EurekaLists {
  readonly budget: ByteBudget
  readonly #registry: Pick<Registry, 'revision'>
  readonly #caches: readonly RenditionCache[]

  constructor(registry: Pick<Registry, 'revision'>, cacheMaxBytes: number) {
    this.#registry = registry
    this.budget = new ByteBudget(cacheMaxBytes)
    this.#caches = renditions.map((rendition) => new RenditionCache(rendition, this.budget))
  }

  /** Nobody will read it any more. */
  forgetInstance(shown: ShownInstance): void {
    for (const cache of this.#caches) cache.forget(shown)
  }

  /** Nobody will read it any more. */
  forgetApp(app: AppView): void {
    for (const cache of this.#caches) cache.forgetApp(app)
  }

  /** All applications. */
  apps({ namespace, applications, rendition }: ListRequest): List {
    const cache = this.#cache(rendition)
    return {
      key: keyOf('apps', namespace, rendition),
      contentType: rendition.format.contentType,
      isShared: true,
      version: () => applications && String(applications.generation),
      prepare: (isOver) => cache.prepareApps(applications?.sorted() ?? [], isOver),
      parts: () => {
        const bodies = applications?.sorted().map((app) => cache.app(app)) ?? []
        return this.#wrapped(rendition, {
          bodies,
          hashCode: applications?.hashCode(rendition.isFirstVersion) ?? '',
          revision: applications?.revision,
        })
      },
    }
  }

  /** What changed lately. */
  delta({ namespace, applications, rendition }: ListRequest): List {
    const cache = this.#cache(rendition)
    return {
      key: keyOf('delta', namespace, rendition),
      contentType: rendition.format.contentType,
      isShared: false,
      version: () => applications && `${applications.generation}/${applications.delta.generation}`,
      prepare: (isOver) => cache.prepareInstances(applications?.delta.instances() ?? [], isOver),
      parts: () => {
        const { format, isFirstVersion } = rendition
        const bodies = (applications?.delta.changes() ?? []).map(({ app, shown }) =>
          Buffer.from(
            format.application(
              app,
              shown.map((one) => cache.text(one)),
            ),
          ),
        )
        return this.#wrapped(rendition, {
          bodies,
          hashCode: applications?.hashCode(isFirstVersion) ?? '',
          revision: applications?.revision,
        })
      },
    }
  }

  /** One application. Undefined: there is none. */
  app({ namespace, applications, rendition }: ListRequest, name: string): List | undefined {
    const app = applications?.apps.get(name.toUpperCase())
    if (app === undefined) return undefined
    const cache = this.#cache(rendition)
    return {
      key: keyOf(`app ${app.name}`, namespace, rendition),
      contentType: rendition.format.contentType,
      isShared: true,
      version: () => String(app.generation),
      prepare: (isOver) => cache.prepareApps([app], isOver),
      parts: () => enveloped(rendition.format.applicationEnvelope(placeholder), [cache.app(app)]),
    }
  }

  /** The instances with a vip address, or a secure one. */
  vips({ namespace, applications, rendition }: ListRequest, kind: 'vips' | 'secureVips', vip: string): List {
    const group = applications?.[kind].get(vip)
    const cache = this.#cache(rendition)
    return {
      key: keyOf(`${kind} ${vip}`, namespace, rendition),
      contentType: rendition.format.contentType,
      // What anybody may ask for without its being there is not kept.
      isShared: false,
      version: () => group && String(group.generation),
      prepare: (isOver) => cache.prepareInstances(group?.members ?? [], isOver),
      parts: () => this.#vipParts(group, rendition),
    }
  }

  /** One instance, in its envelope. */
  instance(shown: ShownInstance, rendition: Rendition): string {
    const text = shown.texts[rendition.index] ?? encodeShown(shown, rendition)
    return rendition.format.instance(text)
  }

  #vipParts(group: VipGroup | undefined, rendition: Rendition): readonly Buffer[] {
    const cache = this.#cache(rendition)
    const members = group?.members ?? new Set()
    const apps = new Map<string, string[]>()
    for (const shown of members) {
      const texts = apps.get(shown.app)
      if (texts === undefined) apps.set(shown.app, [cache.text(shown)])
      else texts.push(cache.text(shown))
    }
    const bodies = [...apps]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([app, texts]) => Buffer.from(rendition.format.application(app, texts)))
    const hashCode = hashCodeOfInstances(members, rendition.isFirstVersion)
    return this.#wrapped(rendition, { bodies, hashCode, revision: group?.revision })
  }

  #wrapped(
    { format }: Rendition,
    parts: {
      readonly bodies: readonly Buffer[]
      readonly hashCode: string
      readonly revision: number | undefined
    },
  ): readonly Buffer[] {
    const { bodies, hashCode, revision = this.#registry.revision } = parts
    const envelope = format.applications({ version: String(revision), hashCode }, [placeholder])
    return enveloped(envelope, bodies, format.separator)
  }

  #cache({ index }: Rendition): RenditionCache {
    const cache = this.#caches[index]
    if (cache === undefined) throw new RangeError(`there is no rendition ${index}`)
    return cache
  }
}

/** Names may have anything in them but line ends; namespaces have no spaces. */
function keyOf(what: string, namespace: string, { index }: Rendition): string {
  return `${index} ${namespace} ${what}`
}

function enveloped(envelope: string, bodies: readonly Buffer[], separator = ''): readonly Buffer[] {
  const [before = '', after = ''] = envelope.split(placeholder)
  const between = Buffer.from(separator)
  const parts: Buffer[] = [Buffer.from(before)]
  for (const [position, body] of bodies.entries()) {
    if (position > 0 && between.length > 0) parts.push(between)
    parts.push(body)
  }
  parts.push(Buffer.from(after))
  return parts
}
