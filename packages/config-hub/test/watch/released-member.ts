import { expect } from 'vitest'
import { Feeder } from '../view/fed-view.ts'
import { type FedMember, fedMember, type MemberOptions } from './watched-hub.ts'

export const group = { namespace: 'default', group: 'shop' }
export const file = { ...group, file: 'app.yaml' }
export const other = { ...group, file: 'web.yaml' }

/** A member at which {@link file} is released in version 1. */
export function releasedMember(options: MemberOptions = {}): FedMember {
  const member = fedMember(new Feeder(), options)
  member.feeder.publish(file, { content: 'one' })
  member.take()
  return member
}

/** Releases {@link file}, and lets the member see it. */
export function release(member: FedMember, content: string): void {
  member.feeder.publish(file, { content })
  member.take()
}

/** Nothing is left of those who waited. */
export function expectNobody({ hub, view }: FedMember): void {
  expect(hub.counters).toMatchObject({ polls: 0, watchers: 0 })
  expect(hub.lagging.size).toBe(0)
  expect(view.file(file)?.watchers).toBeUndefined()
  expect(view.group(group)?.watchers).toBeUndefined()
}
