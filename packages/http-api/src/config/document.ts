import type { DocumentRules } from '../open-api.ts'

/** The OpenAPI document of a hub's API. */
export const configDocument: DocumentRules = {
  decorator: 'configOpenApi',
  url: '/config/openapi.json',
  title: 'Orrery configuration',
  description:
    'Files, their releases for everybody or for some, and whoever wants to know of them at once. Bodies are JSON, and unknown ' +
    'fields and parameters are refused. Names in paths are escaped: a slash is %2F.',
  schemaPrefix: 'Config',
  tags: [
    { name: 'groups', description: 'Files that belong together.' },
    { name: 'files', description: 'Files and their drafts.' },
    { name: 'releases', description: 'What is, and was, released.' },
    { name: 'gray releases', description: 'What is released for some.' },
    { name: 'reading', description: 'What clients see, once or whenever it changes.' },
    { name: 'templates', description: 'Contents to begin with.' },
    { name: 'archives', description: 'Many files at once.' },
    { name: 'audit', description: 'Who did what.' },
    { name: 'data keys', description: 'Keys of encrypted files.' },
    { name: 'operations', description: 'For operators.' },
  ],
}
