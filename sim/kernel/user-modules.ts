// The users' modules: a scenario file is bundled once and evaluated anew for each incarnation of each node.
//
// Everything that the file imports is part of the bundle and so of the evaluation, npm packages included: a counter in
// a module variable is lost in a crash, as in life. Two things are shared instead: Node's own modules, through the real
// `require`, where the guard has its hands on them, and 'standin', which is the host object from whatever folder.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire, isBuiltin, SourceMap } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileFunction } from 'node:vm';
import { build, type BuildFailure, type BuildResult, type Message, type Plugin } from 'esbuild';
import { StandinError } from '../../src/core/errors.js';
import type { SourcePlace, StackPlace } from './guard-policy.js';
import { isHostSpecifier, resolvesToHost } from './host-specifiers.js';
import { stackPlaces } from './stack-places.js';

type Evaluate = (...values: readonly unknown[]) => void;
type Require = (specifier: string) => unknown;

const PARAMETERS = ['module', 'exports', 'require', '__filename', '__dirname', '__standinUrl'];

/** One file of a user's, bundled. */
export class UserModule {
  /** Of the bundle's text: equal for equal code in equal folders, on every machine. */
  readonly sha256: string;
  readonly #file: string;
  readonly #name: string;
  readonly #require: Require;
  readonly #evaluate: Evaluate;
  readonly #map: SourceMap;

  private constructor(
    file: string,
    bundle: { readonly code: string; readonly map: string },
    require: Require,
  ) {
    this.sha256 = createHash('sha256').update(bundle.code).digest('hex');
    this.#file = file;
    this.#name = `standin-bundle-${this.sha256.slice(0, 12)}/${basename(file)}`;
    this.#require = require;
    this.#map = new SourceMap(JSON.parse(bundle.map) as ConstructorParameters<typeof SourceMap>[0]);
    this.#evaluate = compileFunction(bundle.code, PARAMETERS, {
      filename: this.#name,
    }) as unknown as Evaluate;
  }

  /**
   * Bundles `file` (TypeScript or JavaScript). `host` is what `import … from 'standin'` gives.
   * @throws StandinError `scenario-load` with file, line and the first problem: a missing file, wrong syntax, an import
   *   that cannot be resolved.
   */
  static async load(file: string, host: Record<string, unknown>): Promise<UserModule> {
    const path = resolve(file);
    if (!existsSync(path)) throw new StandinError('scenario-load', `${file}: there is no such file`);
    const bundle = await bundleFile(path);
    const builtins = createRequire(path);
    const require: Require = (specifier) => {
      if (isHostSpecifier(specifier)) return host;
      if (isBuiltin(specifier)) return builtins(specifier) as unknown;
      throw new StandinError(
        'ambient-refused',
        `import or require of '${specifier}', whose name is computed, is refused`,
      );
    };
    return new UserModule(path, bundle, require);
  }

  /** Evaluates the module and all it imports anew; returns its exports. Throws what its top level throws. */
  instantiate(): Record<string, unknown> {
    const module: { exports: Record<string, unknown> } = { exports: {} };
    const url = pathToFileURL(this.#file).href;
    this.#evaluate(module, module.exports, this.#require, this.#file, dirname(this.#file), url);
    return module.exports;
  }

  /**
   * The user's source at a place of the bundle, both counted from 1; null when the bundle has nothing of the user's
   * there. `file` is relative to the folder of the scenario file, with forward slashes.
   */
  locate(line: number, column: number): SourcePlace | null {
    const entry = this.#map.findEntry(line - 1, column - 1);
    if (!('originalSource' in entry)) return null;
    return { file: entry.originalSource, line: entry.originalLine + 1 };
  }

  /** As `locate`, for a frame of a stack; null for a frame of other code. Made to be a `GuardPolicy.sourceOf`. */
  readonly sourceOf = (frame: StackPlace): SourcePlace | null => {
    return frame.file === this.#name ? this.locate(frame.line, frame.column) : null;
  };

  /** Where in the user's source `error` was thrown: the innermost frame that is of this module; null when none is. */
  placeOf(error: unknown): SourcePlace | null {
    return error instanceof Error ? this.placeOfStack(error.stack ?? '') : null;
  }

  /** The same, of the text of a stack. */
  placeOfStack(stack: string): SourcePlace | null {
    for (const frame of stackPlaces(stack)) {
      const place = this.sourceOf(frame);
      if (place !== null) return place;
    }
    return null;
  }
}

async function bundleFile(file: string): Promise<{ readonly code: string; readonly map: string }> {
  const folder = dirname(file);
  let result: BuildResult<{ write: false }>;
  try {
    result = await build({
      absWorkingDir: folder,
      entryPoints: [file],
      outdir: folder,
      outExtension: { '.js': '.standin.js' },
      write: false,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      sourcemap: 'external',
      sourcesContent: false,
      legalComments: 'none',
      charset: 'utf8',
      keepNames: true,
      // An import() becomes a require(): of the bundle, or through the one above. A real one would never resolve in a run.
      supported: { 'dynamic-import': false },
      define: {
        'import.meta.url': '__standinUrl',
        'import.meta.dirname': '__dirname',
        'import.meta.filename': '__filename',
      },
      logLevel: 'silent',
      plugins: [hostPlugin],
    });
  } catch (error) {
    throw asLoadError(error, file);
  }
  const text = (suffix: string): string =>
    result.outputFiles.find(({ path }) => path.endsWith(suffix))?.text ?? '';
  return { code: text('.js'), map: text('.map') };
}

/** 'standin' and the package's own index files are the host object, wherever they are imported from. */
const hostPlugin: Plugin = {
  name: 'standin-host',
  setup(builder) {
    builder.onResolve({ filter: /^standin(\/|$)/ }, () => ({ path: 'standin', external: true }));
    builder.onResolve({ filter: /^(\.|\/|[A-Za-z]:)/ }, ({ path, resolveDir, kind }) => {
      if (kind === 'entry-point' || !resolvesToHost(resolve(resolveDir, path))) return undefined;
      return { path: 'standin', external: true };
    });
  },
};

function asLoadError(error: unknown, file: string): unknown {
  const first: Message | undefined = (error as Partial<BuildFailure>).errors?.[0];
  if (first === undefined) return error;
  const { location, text } = first;
  const shown = relative('.', join(dirname(file), location?.file ?? basename(file)));
  const place = location === null ? shown : `${shown}:${location.line}:${location.column + 1}`;
  return new StandinError('scenario-load', `${place}: ${text}`);
}
