import type { Instance } from '@orrery/registry'
import { keptVips, mustRegister } from '../extension.ts'
import { appOfService, serviceOfApp } from '../mapping.ts'
import type { ActionType, InstanceStatus } from '../wire/instance-info.ts'

/** An instance as lists show it, until something changes. */
export class ShownInstance {
  readonly instance: Instance
  readonly status: InstanceStatus
  /** What happened to it last. */
  readonly actionType: ActionType
  /** The elements of its vip address. */
  readonly vips: readonly string[]
  readonly secureVips: readonly string[]
  readonly mustRegister: boolean
  /** It as text, by the index of the rendition; see `RenditionCache`. */
  readonly texts: (string | undefined)[] = []

  constructor(instance: Instance, status: InstanceStatus, actionType: ActionType) {
    this.instance = instance
    this.status = status
    this.actionType = actionType
    // Others are found by the name of their service.
    this.vips = keptVips(instance, 'vipAddress') ?? [instance.service]
    this.secureVips = keptVips(instance, 'secureVipAddress') ?? [instance.service]
    this.mustRegister = mustRegister(instance)
  }

  /** The application that it belongs to. */
  get app(): string {
    return appOfService(this.instance.service)
  }

  /** What it is called among the instances of its application. */
  get memberKey(): string {
    return memberKeyOf(this.instance)
  }
}

/**
 * What an instance is called in its application: its id. Services whose names differ only in upper and lower case are one application,
 * so there it goes with the name of its service.
 */
export function memberKeyOf({ service, id }: Pick<Instance, 'service' | 'id'>): string {
  return isPlain(service) ? id : `${service}\n${id}`
}

/** Whether an application stands for this service before all others. */
export function isPlain(service: string): boolean {
  return serviceOfApp(appOfService(service)) === service
}
