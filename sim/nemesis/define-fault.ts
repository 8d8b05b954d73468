// Makes a fault of its description: draws and checks target, duration and parameters, and traces strike and undo.

import fc from 'fast-check';
import { StandinError } from '../../src/core/errors.js';
import { nearest } from '../../src/core/nearest.js';
import type { Duration } from './durations.js';
import type { DrawnFault, Fault, FaultContext, FaultSurface, PlannedFault } from './fault.js';
import type { Parameters, ValuesOf } from './parameters.js';

/** What the file of a fault states. */
export interface FaultDefinition<P extends Parameters> {
  readonly kind: string;
  readonly description: string;
  /** Strikes one master, or the world (then the target is ''). */
  readonly aim: 'master' | 'world';
  readonly duration: Duration;
  readonly params: P;
  /** Which masters it may hinder while it lasts. */
  readonly impairs: 'target' | 'all' | 'none';
  /** @see Fault.hasHits */
  readonly hasHits?: true;
  /** @see Fault.strike; `values` have been checked. */
  strike(surface: FaultSurface, target: string, values: ValuesOf<P>, onHit: () => void): (() => void) | null;
}

/** The fault of this definition. */
export function defineFault<const P extends Parameters>(definition: FaultDefinition<P>): Fault {
  const { kind, description } = definition;
  return {
    kind,
    description,
    arbitrary: (context) => drawn(definition, context),
    check: (fault, masters) => {
      readValues(definition, fault, masters);
    },
    impairs: ({ target }, masters) => {
      if (definition.impairs === 'target') return [target];
      return definition.impairs === 'all' ? masters : [];
    },
    hasHits: definition.hasHits ?? false,
    strike: (surface, fault, onHit) => strike(definition, { surface, fault, onHit }),
  };
}

function drawn(definition: FaultDefinition<Parameters>, context: FaultContext): fc.Arbitrary<DrawnFault> {
  const targets = definition.aim === 'master' ? context.masters : [''];
  const params = Object.entries(definition.params).map(([name, { arbitrary }]) => [name, arbitrary] as const);
  return fc.record(
    {
      durationMs: definition.duration(context),
      target: fc.constantFrom(...targets),
      params: fc.record<Record<string, number | string>>(Object.fromEntries(params), {
        noNullPrototype: true,
      }),
    },
    { noNullPrototype: true },
  );
}

function strike<P extends Parameters>(
  definition: FaultDefinition<P>,
  {
    surface,
    fault,
    onHit,
  }: { readonly surface: FaultSurface; readonly fault: PlannedFault; readonly onHit: () => void },
): (() => void) | null {
  const { kernel, masters } = surface;
  const values = readValues(definition, fault, masters);
  const words = [fault.kind, ...Object.entries(values).map(([name, value]) => `${name}=${value}`)].join(' ');
  const trace = (phase: string): void =>
    kernel.trace.add(kernel.nowUs, fault.target, 'fault', `${phase} ${words}`);
  trace('strike');
  const undo = definition.strike(surface, fault.target, values, onHit);
  if (undo === null) {
    trace('nothing to strike:');
    return null;
  }
  let isUndone = false;
  return () => {
    if (isUndone) return;
    isUndone = true;
    trace('undo');
    undo();
  };
}

/** The parameters in the order of the definition, each checked. */
function readValues<P extends Parameters>(
  { kind, aim, params }: FaultDefinition<P>,
  fault: PlannedFault,
  masters: readonly string[],
): ValuesOf<P> {
  const targets = aim === 'master' ? masters : [''];
  if (!targets.includes(fault.target)) {
    const expected = aim === 'master' ? `one of ${targets.join(', ')}` : `'', the world`;
    bad(kind, `needs as its target ${expected}, got '${fault.target}'${nearest(fault.target, targets)}`);
  }
  const known = Object.keys(params);
  const unknown = Object.keys(fault.params).find((name) => !known.includes(name));
  if (unknown !== undefined) bad(kind, `has no parameter '${unknown}'${nearest(unknown, known)}`);
  const values = Object.entries(params).map(([name, parameter]) => {
    const value = fault.params[name];
    if (!parameter.accepts(value))
      bad(kind, `needs as '${name}' ${parameter.expected}, got ${value ?? 'nothing'}`);
    return [name, value] as const;
  });
  return Object.fromEntries(values) as ValuesOf<P>;
}

function bad(kind: string, problem: string): never {
  throw new StandinError('bad-fault', `the fault '${kind}' ${problem}`);
}
