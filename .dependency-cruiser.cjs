// The layers of the project as rules (ARCHITECTURE.md has them as a picture): who may import whom. Imports of types
// count like any other, except where an oracle names the shape of a row. A rule that is wrong is changed here, together
// with ARCHITECTURE.md, never worked around; test/layers proves that each rule can go red.

/** Folders of src/ in the order of their layers: a file imports from its own layer and from those before it. */
const LAYERS = [
  ['core'],
  ['runtime'],
  ['db', 'mq'],
  ['data'],
  ['services', 'periodic'],
  ['drivers', 'schedulers'],
  ['master'],
];

/** One rule a layer: its folders do not import a later one, nor the entrances src/index.ts and src/cli.ts. */
function layerRules() {
  return LAYERS.map((folders, rank) => {
    const later = LAYERS.slice(rank + 1).flat();
    const targets = later.length === 0 ? '[^/]+[.]ts$' : `((${later.join('|')})/|[^/]+[.]ts$)`;
    return forbid(
      `src-layer-${folders.join('-and-')}`,
      `src/${folders.join(', src/')} must not import a later layer.`,
      { path: `^src/(${folders.join('|')})/` },
      { path: `^src/${targets}` },
    );
  });
}

function forbid(name, comment, from, to) {
  return { name, severity: 'error', comment, from, to };
}

module.exports = {
  forbidden: [
    ...layerRules(),
    forbid(
      'db-and-mq-are-strangers',
      'The database port does not know the queue.',
      { path: '^src/db/' },
      { path: '^src/mq/' },
    ),
    forbid(
      'mq-and-db-are-strangers',
      'The queue port does not know the database.',
      { path: '^src/mq/' },
      { path: '^src/db/' },
    ),
    forbid(
      'src-knows-no-host',
      'The control plane does not know that it is being simulated or tested.',
      { path: '^src/' },
      { path: '^(sim|scenarios|test|bench|scripts|bin)/' },
    ),
    forbid(
      'only-hosts-import-runtime-node',
      'The real clock and the real process are handed in by the command line, never imported by a layer.',
      { path: '^src/', pathNot: '^src/(runtime/node/|cli[.]ts$)' },
      { path: '^src/runtime/node/' },
    ),
    forbid(
      'kernel-imports-core-only',
      'sim/kernel is the ground: of src it knows core, of sim only itself.',
      { path: '^sim/kernel/' },
      { path: '^(src|sim)/', pathNot: '^(src/core|sim/kernel)/' },
    ),
    forbid(
      'oracles-import-no-implementation',
      'Oracles read the history: of the rest they may know src/core, how times are written, and types.',
      { path: '^sim/oracles/' },
      {
        path: '^(src|sim|scenarios)/',
        pathNot: '^(src/core/|sim/oracles/|sim/report/virtual-time[.]ts$)',
        dependencyTypesNot: ['type-only'],
      },
    ),
    forbid(
      'world-implements-ports-only',
      'The simulated world implements ports: it knows no scheduler, service or master, but where it starts them.',
      { path: '^sim/world/', pathNot: '^sim/world/(world|cluster|watcher)[.]ts$' },
      { path: '^src/(data|services|periodic|drivers|schedulers|master)/' },
    ),
    forbid(
      'scenarios-use-the-public-entrance',
      'A scenario imports what its readers can import, and nothing else.',
      { path: '^scenarios/' },
      { path: '^(src|sim)/', pathNot: '^(src|sim)/index[.]ts$' },
    ),
    forbid(
      'sim-is-no-test',
      'What users import must not need the tests, the benchmarks or a certain scenario.',
      { path: '^sim/' },
      { path: '^(test|bench|scenarios)/' },
    ),
    forbid(
      'no-cycles',
      'Files that import each other cannot be loaded in any order. (A type is gone by then, a dynamic import comes later.)',
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ['type-only', 'dynamic-import'] } },
    ),
    forbid(
      'resolvable',
      'Every import leads somewhere. (`standin` is what a scenario gets from its host.)',
      {},
      { couldNotResolve: true, pathNot: '^standin(/|$)' },
    ),
    forbid(
      'no-development-dependency',
      'A package that ships must not import what only this checkout installs.',
      { path: '^(src|sim|scenarios)/' },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|[.]standin)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
