import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import { type ErrorCode, errorTable, HoldfastError } from '../../core/errors.ts';
import { type FaultKind, faultOf, kindOf, refusesSettings } from './faults.ts';

const address = { shown: 'app@h:5432/d' };

const refused = (code: string, message = 'what the server said'): Error => {
  const error = new pg.DatabaseError(message, message.length, 'error');
  error.code = code;
  return error;
};

const ofNode = (code: string, syscall?: string): Error =>
  Object.assign(new Error(code), { code }, syscall === undefined ? {} : { syscall });

const means = (error: unknown, code: ErrorCode, kind: FaultKind): void => {
  const fault = faultOf(error, address);
  const name = error instanceof Error ? error.message : String(error);
  assert.deepEqual([fault.code, kindOf(error)], [code, kind], name);
  assert.equal(kindOf(fault), kind, `${name}, as a fault`);
  assert.match(fault.message, /^store app@h:5432\/d: .+; .+/, 'it names the place and a remedy');
  assert.equal(fault.cause, error);
};

describe('a fault', () => {
  it('of the server is known by its SQLSTATE', () => {
    const known: Readonly<Record<string, readonly [ErrorCode, FaultKind]>> = {
      '40001': ['store.busy', 'transient'],
      '40P01': ['store.busy', 'transient'],
      '40003': ['store.unavailable', 'ambiguous'],
      '55P03': ['store.busy', 'transient'],
      '57014': ['store.busy', 'transient'],
      '25P03': ['store.unavailable', 'transient'],
      '25006': ['store.unavailable', 'transient'],
      '57P01': ['store.unavailable', 'ambiguous'],
      '57P02': ['store.unavailable', 'ambiguous'],
      '57P03': ['store.unavailable', 'transient'],
      '57P05': ['store.unavailable', 'ambiguous'],
      '08006': ['store.unavailable', 'ambiguous'],
      '08P01': ['store.unavailable', 'ambiguous'],
      '53100': ['store.full', 'transient'],
      '53200': ['store.unavailable', 'transient'],
      '53300': ['store.unavailable', 'transient'],
      '58030': ['store.unavailable', 'ambiguous'],
      '28P01': ['store.denied', 'permanent'],
      '28000': ['store.denied', 'permanent'],
      '42501': ['store.denied', 'permanent'],
      '3D000': ['store.bad_path', 'permanent'],
      '42P01': ['store.corrupt', 'permanent'],
      XX001: ['store.corrupt', 'permanent'],
      '22012': ['internal.defect', 'permanent'],
      '42601': ['internal.defect', 'permanent'],
    };
    for (const [state, [code, kind]] of Object.entries(known)) {
      means(refused(state), code, kind);
      assert.equal(faultOf(refused(state), address).details.sqlstate, state);
    }
  });

  it('of the network is known by its code, and certain where nothing was connected', () => {
    means(ofNode('ECONNREFUSED', 'connect'), 'store.unavailable', 'transient');
    means(ofNode('ENOTFOUND', 'getaddrinfo'), 'store.unavailable', 'transient');
    means(ofNode('ENOENT', 'connect'), 'store.unavailable', 'transient');
    means(ofNode('ETIMEDOUT', 'connect'), 'store.unavailable', 'transient');
    means(ofNode('ETIMEDOUT', 'read'), 'store.unavailable', 'ambiguous');
    means(ofNode('ECONNRESET', 'read'), 'store.unavailable', 'ambiguous');
    means(ofNode('EPIPE', 'write'), 'store.unavailable', 'ambiguous');
    means(ofNode('CERT_HAS_EXPIRED'), 'store.denied', 'permanent');
    means(ofNode('DEPTH_ZERO_SELF_SIGNED_CERT'), 'store.denied', 'permanent');
    means(ofNode('ERR_TLS_CERT_ALTNAME_INVALID'), 'store.denied', 'permanent');
    const both = [ofNode('EHOSTUNREACH', 'connect'), ofNode('EHOSTUNREACH', 'connect')];
    const unreachable = Object.assign(new AggregateError(both), { code: 'EHOSTUNREACH' });
    means(unreachable, 'store.unavailable', 'transient');
  });

  it('of the driver is known by its words', () => {
    means(new Error('timeout expired'), 'store.unavailable', 'transient');
    means(new Error('timeout exceeded when trying to connect'), 'store.busy', 'transient');
    means(new Error('Query read timeout'), 'store.unavailable', 'ambiguous');
    means(new Error('Connection terminated unexpectedly'), 'store.unavailable', 'ambiguous');
    means(new Error('The server does not support SSL connections'), 'store.bad_path', 'permanent');
    const asks = 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string';
    means(new Error(asks), 'store.denied', 'permanent');
    assert.match(faultOf(new Error(asks), address).message, /asks for a password; give one/);
  });

  it('that nobody knows is a defect, and says nothing but that', () => {
    means(new TypeError('of our own making'), 'internal.defect', 'permanent');
    means('a text', 'internal.defect', 'permanent');
    means({ code: '40001' }, 'internal.defect', 'permanent');
    assert.doesNotMatch(faultOf(new Error('of our own making'), address).message, /making/);
  });

  it('that is ours already stays as it is', () => {
    const own = new HoldfastError('store.closed', 'closed');
    assert.equal(faultOf(own, address), own);
    assert.equal(kindOf(own), 'permanent');
  });

  it('F1: repeats the server only where it names roles, rights and tables', () => {
    const values = refused('22P02', 'invalid input: "4111 1111 1111 1111"');
    assert.doesNotMatch(faultOf(values, address).message, /4111/);
    const right = refused('42501', 'permission denied for schema work');
    assert.match(faultOf(right, address).message, /permission denied for schema work; .*grant/);
  });

  it('tells a server that wants TLS from one that refuses a password', () => {
    const text = 'no pg_hba.conf entry for host "10.0.0.1", user "u", database "d", no encryption';
    assert.match(faultOf(refused('28000', text), address).message, /add sslmode=require/);
  });

  it('tells a pooler that refuses settings from a broken protocol', () => {
    const pooler = refused('08P01', 'unsupported startup parameter in options: lock_timeout');
    assert.ok(refusesSettings(pooler));
    means(pooler, 'store.bad_path', 'permanent');
    assert.ok(!refusesSettings(refused('08P01')));
    assert.ok(!refusesSettings(new Error('unsupported startup parameter')));
  });

  it('may be repeated by its caller exactly if its code says so', () => {
    for (const state of ['40001', '57P01', '53100', '28P01', '42P01', '3D000']) {
      const { code } = faultOf(refused(state), address);
      const again = errorTable[code].retry !== 'never';
      assert.equal(again, kindOf(refused(state)) !== 'permanent', state);
    }
  });
});
