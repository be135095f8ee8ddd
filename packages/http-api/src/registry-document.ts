import type { DocumentRules } from './open-api.ts'

/** The OpenAPI document of a registry's API. */
export const registryDocument: DocumentRules = {
  decorator: 'registryOpenApi',
  url: '/openapi.json',
  title: 'Orrery registry',
  description:
    'Services, their instances, and who of them is healthy. Bodies are JSON, and unknown fields and parameters ' +
    'are refused. null stands for ever where a time is meant.',
  schemaPrefix: 'Registry',
  tags: [
    { name: 'namespaces', description: 'Spaces of names.' },
    { name: 'services', description: 'Names that instances offer together.' },
    { name: 'instances', description: 'Processes that can be called.' },
    { name: 'heartbeats', description: 'What keeps instances healthy.' },
    { name: 'discovery', description: 'Who offers a service.' },
    { name: 'changes', description: 'What happened.' },
    { name: 'operations', description: 'For operators.' },
    { name: 'connections', description: 'Who is connected.' },
    { name: 'members', description: 'What members say to each other.' },
  ],
}
