// Finds mutable module state: what would survive the crash of a simulated process, because the module outlives it.
//
// A top-level variable must be a `const` whose value cannot change: a primitive, a function, a class, `as const`,
// `Object.freeze(…)`, or a value of a read-only type (ReadonlyMap, readonly T[], an interface of readonly properties).
// The check looks at types one level deep; a mutable value inside a read-only one it does not see.

import ts from 'typescript';

/** One place that holds state, with the reason in words. */
export interface ModuleState {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

const MUTABLE_TYPES: ReadonlySet<string> = new Set(['Array', 'Map', 'Set', 'WeakMap', 'WeakSet', 'Date']);

/** All mutable module state in `files`, in the order of the files. Needs no emit and no valid program. */
export function findModuleState(files: readonly string[], options: ts.CompilerOptions): ModuleState[] {
  const program = ts.createProgram(files, { ...options, noEmit: true, incremental: false });
  const checker = program.getTypeChecker();
  const found: ModuleState[] = [];
  for (const file of files) {
    const source = program.getSourceFile(file);
    if (source === undefined) throw new Error(`${file} could not be read`);
    for (const [node, reason] of source.statements.flatMap((s) => inStatement(s, checker))) {
      found.push({
        file,
        line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1,
        reason,
      });
    }
  }
  return found;
}

type Finding = readonly [ts.Node, string];

function inStatement(statement: ts.Statement, checker: ts.TypeChecker): Finding[] {
  if (ts.isVariableStatement(statement)) return inVariables(statement.declarationList, checker);
  if (ts.isClassDeclaration(statement)) return inStatics(statement, checker);
  return [];
}

function inVariables(list: ts.VariableDeclarationList, checker: ts.TypeChecker): Finding[] {
  if ((list.flags & ts.NodeFlags.Const) === 0) return [[list, 'a top-level variable that is not const']];
  return list.declarations.flatMap((declaration) => {
    const reason = whyMutable(declaration, declaration.initializer, checker);
    return reason === null ? [] : [[declaration, reason] as const];
  });
}

function inStatics(declaration: ts.ClassDeclaration, checker: ts.TypeChecker): Finding[] {
  return declaration.members.flatMap((member): Finding[] => {
    if (!ts.isPropertyDeclaration(member)) return [];
    const modifiers = ts.getCombinedModifierFlags(member);
    if ((modifiers & ts.ModifierFlags.Static) === 0) return [];
    if ((modifiers & ts.ModifierFlags.Readonly) === 0)
      return [[member, 'a static property that is not readonly']];
    const reason = whyMutable(member, member.initializer, checker);
    return reason === null ? [] : [[member, reason]];
  });
}

function whyMutable(node: ts.Node, value: ts.Expression | undefined, checker: ts.TypeChecker): string | null {
  if (value !== undefined && isFrozen(value)) return null;
  if (value !== undefined && ts.isRegularExpressionLiteral(value)) {
    return /[gy][a-z]*$/.test(value.text) ? 'a regular expression that remembers lastIndex' : null;
  }
  const type = checker.getTypeAtLocation(node);
  const name = (type.aliasSymbol ?? type.symbol)?.name ?? '';
  if (name === 'RegExp' || name.startsWith('Readonly')) return null;
  if (MUTABLE_TYPES.has(type.symbol?.name ?? ''))
    return `a mutable ${type.symbol.name}; give it a read-only type`;
  if (!isPlainObject(type)) return null;
  const property = checker.getPropertiesOfType(type).find(isWritable);
  if (property !== undefined)
    return `an object whose property ${property.name} is not readonly; write 'as const'`;
  const index = checker.getIndexInfosOfType(type).find((info) => !info.isReadonly);
  return index === undefined ? null : 'an object that takes any key and is not readonly';
}

/** `x as const`, `x as const satisfies T`, `Object.freeze(x)`. */
function isFrozen(value: ts.Expression): boolean {
  if (ts.isSatisfiesExpression(value) || ts.isParenthesizedExpression(value))
    return isFrozen(value.expression);
  if (ts.isAsExpression(value)) return value.type.getText() === 'const' || isFrozen(value.expression);
  return ts.isCallExpression(value) && value.expression.getText() === 'Object.freeze';
}

function isPlainObject(type: ts.Type): boolean {
  return (
    (type.flags & ts.TypeFlags.Object) !== 0 &&
    type.getCallSignatures().length + type.getConstructSignatures().length === 0
  );
}

function isWritable(property: ts.Symbol): boolean {
  if ((property.flags & ts.SymbolFlags.Property) === 0) return false;
  const declarations = property.declarations ?? [];
  return declarations.some(
    (d) => (ts.getCombinedModifierFlags(d) & ts.ModifierFlags.Readonly) === 0 && !isFunctionValued(d),
  );
}

function isFunctionValued(declaration: ts.Declaration): boolean {
  return ts.isMethodSignature(declaration) || ts.isMethodDeclaration(declaration);
}
