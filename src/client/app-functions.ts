/**
 * Owns what the compiler knows of an app: which functions it has, what they take and give. Types
 * only: nothing of an app is loaded by a client.
 *
 * A1 A function counts where the command line finds it, too: exported by name, or in an exported
 *    array or object. An array or object of functions is an app as well.
 */
import type { AnyFunction, FunctionDefinition } from '../define-function.ts';

/** An app of which nothing is known: any name, any input. */
export type AnyApp = Readonly<Record<string, FunctionDefinition<string, unknown, unknown>>>;

type In<Value> = Value extends AnyFunction
  ? Value
  : Value extends readonly (infer One)[]
    ? Extract<One, AnyFunction>
    : Value extends object
      ? Extract<Value[keyof Value], AnyFunction>
      : never;

/** The definitions of an app. */
type DefinitionOf<App> = App extends readonly (infer One)[]
  ? Extract<One, AnyFunction>
  : In<App[keyof App]>;

/** The functions of an app by their names. */
type ByName<App> = { readonly [One in DefinitionOf<App> as One['name']]: One };

/** The names of its functions. */
export type NameIn<App> = keyof ByName<App> & string;

/** What the function of a name takes. */
export type InputIn<App, Name extends NameIn<App>> =
  ByName<App>[Name] extends FunctionDefinition<string, infer Input, unknown> ? Input : never;

/** What the function of a name gives. */
export type OutputIn<App, Name extends NameIn<App>> =
  ByName<App>[Name] extends FunctionDefinition<string, never, infer Output> ? Output : never;
