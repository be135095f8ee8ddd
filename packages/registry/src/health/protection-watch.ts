import type { ServiceKey } from '../model.ts'
import type { ResolvedRegistryOptions } from '../options.ts'
import type { RegistryEvents } from '../registry.ts'
import type { ServiceView } from '../view/service-view.ts'
import type { View } from '../view/view.ts'
import type { ProtectionGauge } from './protection.ts'

/** What {@link ProtectionWatch} goes by, and whom it tells. */
export interface ProtectionWatchParts {
  readonly options: ResolvedRegistryOptions['protection']
  readonly changed: RegistryEvents['protectionChanged']
}

/** Tells when evictions begin to be held back, and when that ends. */
export class ProtectionWatch {
  readonly #view: View
  readonly #parts: ProtectionWatchParts
  #isActive = false
  readonly #services = new Set<ServiceView>()
  /** Services with expired instances: only they can be protected. */
  readonly #suspects = new Set<ServiceView>()

  constructor(view: View, parts: ProtectionWatchParts) {
    this.#view = view
    this.#parts = parts
  }

  get stats(): { readonly active: boolean; readonly services: number } {
    return { active: this.#isActive, services: this.#services.size }
  }

  /** Health in a service has changed. */
  suspect(service: ServiceView): void {
    this.#suspects.add(service)
  }

  /** Looks whether anything has changed. */
  look(): void {
    const { options } = this.#parts
    const isActive = this.#view.gauge.isAlarming(options)
    if (isActive !== this.#isActive) {
      this.#isActive = isActive
      this.#tell(undefined, isActive, this.#view.gauge)
    }
    for (const service of this.#suspects) {
      const isProtected = service.gauge.isAlarming(options)
      if (isProtected !== this.#services.has(service)) {
        if (isProtected) this.#services.add(service)
        else this.#services.delete(service)
        this.#tell(service, isProtected, service.gauge)
      }
    }
    this.#suspects.clear()
  }

  #tell(scope: ServiceKey | undefined, active: boolean, { instances, expired }: ProtectionGauge): void {
    const key = scope && { namespace: scope.namespace, service: scope.service }
    this.#parts.changed({ scope: key, active, instances, expired })
  }
}
