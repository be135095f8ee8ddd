import type { ChangeBatch } from '../registry.ts'

/** What of some changes concerns one namespace. */
export function changesOfNamespace(
  batches: readonly ChangeBatch[],
  namespace: string,
): readonly ChangeBatch[] {
  return batches
    .map(({ instances, services, namespaces, ...rest }) => ({
      ...rest,
      instances: instances.filter(({ instance }) => instance.namespace === namespace),
      services: services.filter(({ key }) => key.namespace === namespace),
      namespaces: namespaces.filter(({ name }) => name === namespace),
    }))
    .filter(
      ({ instances, services, namespaces }) => instances.length + services.length + namespaces.length > 0,
    )
}
