import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

/** Packages that see no host: time and randomness are arguments, results are values. */
const pure = ['timer-wheel', 'batching', 'lease', 'mvcc', 'raft'].map(
  (name) => `packages/${name}/src/**/*.ts`,
)

const hostGlobals = [
  'Date',
  'performance',
  'process',
  'Buffer',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'fetch',
  'Promise',
]

/** @param {string[]} names */
const refuseGlobals = (names) => [
  'error',
  ...names.map((name) => ({ name, message: 'A core takes time and randomness as arguments.' })),
]

export default defineConfig(
  { ignores: ['**/dist/**', '**/generated/**', '**/node_modules/**', '**/docs/api/**'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/unified-signatures': 'off',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'Name what you export.' },
        { selector: 'ExportDefaultDeclaration', message: 'Name what you export.' },
        { selector: 'TSEnumDeclaration', message: 'Use a union of literals.' },
      ],
      'max-params': ['error', 5],
      eqeqeq: 'error',
    },
  },
  {
    files: pure,
    rules: {
      'no-restricted-globals': refuseGlobals(hostGlobals),
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'A core takes randomness as an argument.' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'Name what you export.' },
        { selector: 'ExportDefaultDeclaration', message: 'Name what you export.' },
        { selector: ':function[async=true]', message: 'A core returns values, not promises.' },
        { selector: 'ImportDeclaration[source.value=/^node:/]', message: 'A core does not see its host.' },
      ],
    },
  },
  {
    // The thin shell around the pure core of batching (batch-queue.ts): whoever submits an item waits for its
    // result, so it has promises, and nothing else of the host. Its clock is an argument.
    files: ['packages/batching/src/batcher.ts'],
    rules: { 'no-restricted-globals': refuseGlobals(hostGlobals.filter((name) => name !== 'Promise')) },
  },
  {
    // A configuration file's default export is its tool's contract.
    files: ['*.config.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
)
