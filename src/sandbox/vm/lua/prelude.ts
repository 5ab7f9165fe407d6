/**
 * Owns what stands around a Lua script inside its VM: JSON in and out, `emit`, `grants`, and the
 * library without whatever reads files, loads bytecode or writes to the process.
 *
 * P1 It is executed before the script, in a state of its own for each call, and keeps in locals
 *    what it needs later: nothing that a script changes changes it.
 * P2 JSON null is `null`, one value that equals only itself; nil is left out of objects.
 * P3 A table is an array if its keys are 1 to n, and an object if they are texts. `array(t)` marks
 *    a table that is an array even if it is empty; arrays that came in are marked.
 */

/**
 * Called with `emit0(json)`, `ask0(name, json)`, `mark0()` (remembers the line), and the names of
 * the grants, a line each.
 */
export const luaPrelude = `
local emit0, ask0, mark0, names = ...
local xpcall = xpcall
local type, next, error, pcall, tostring, tonumber = type, next, error, pcall, tostring, tonumber
local rawget, rawequal, setmetatable, load0, select = rawget, rawequal, setmetatable, load, select
local find, sub, gsub, byte, char, format, gmatch =
  string.find, string.sub, string.gsub, string.byte, string.char, string.format, string.gmatch
local concat, pack, utf8char, mathtype = table.concat, table.pack, utf8.char, math.type
local huge = math.huge
local globals = _G

for _, name in next, { 'dofile', 'loadfile', 'collectgarbage', 'warn', 'print', 'require' } do
  globals[name] = nil
end
string.dump = nil
function load(chunk, name, mode, ...)
  if type(chunk) ~= 'string' then error('load takes a text', 2) end
  if select('#', ...) > 0 then return load0(chunk, name or '=load', 't', (...)) end
  return load0(chunk, name or '=load', 't', globals)
end

local nothing = {}
null = setmetatable(nothing, {
  __metatable = false,
  __newindex = function() error('null cannot be changed', 2) end,
  __tostring = function() return 'null' end,
})
local arrays = setmetatable({}, { __mode = 'k' })
function array(value)
  if type(value) ~= 'table' then error('array takes a table', 2) end
  arrays[value] = true
  return value
end

local depthMax = 128
local escapes = { b = '\\b', f = '\\f', n = '\\n', r = '\\r', t = '\\t' }
local function unescape(letter, hex)
  if letter ~= 'u' then return (escapes[letter] or letter) .. hex end
  local code = tonumber(hex, 16)
  if code >= 0xD800 and code <= 0xDFFF then code = 0xFFFD end
  return utf8char(code)
end

local function decode(text)
  local at = 1
  local value
  local function skip() at = find(text, '[^ \\t\\r\\n]', at) or #text + 1 end
  local function text0()
    local from = at + 1
    local to = from
    while true do
      to = find(text, '["\\\\]', to)
      if byte(text, to) == 34 then break end
      to = to + 2
    end
    at = to + 1
    local raw = sub(text, from, to - 1)
    if not find(raw, '\\\\', 1, true) then return raw end
    return (gsub(raw, '\\\\(.)(%x?%x?%x?%x?)', unescape))
  end
  local function list()
    local made, count = {}, 0
    arrays[made] = true
    at = at + 1
    skip()
    if byte(text, at) == 93 then at = at + 1 return made end
    while true do
      count = count + 1
      made[count] = value()
      skip()
      at = at + 1
      if byte(text, at - 1) == 93 then return made end
    end
  end
  local function object()
    local made = {}
    at = at + 1
    skip()
    if byte(text, at) == 125 then at = at + 1 return made end
    while true do
      skip()
      local key = text0()
      skip()
      at = at + 1
      made[key] = value()
      skip()
      at = at + 1
      if byte(text, at - 1) == 125 then return made end
    end
  end
  function value()
    skip()
    local first = byte(text, at)
    if first == 34 then return text0() end
    if first == 123 then return object() end
    if first == 91 then return list() end
    if first == 116 then at = at + 4 return true end
    if first == 102 then at = at + 5 return false end
    if first == 110 then at = at + 4 return nothing end
    local from, to = find(text, '^-?[%d.eE+-]+', at)
    at = to + 1
    return tonumber(sub(text, from, to))
  end
  return value()
end

local function quoted(text)
  return '"' .. gsub(text, '[%c"\\\\]', function(one)
    if one == '"' or one == '\\\\' then return '\\\\' .. one end
    return format('\\\\u%04x', byte(one))
  end) .. '"'
end

local function encode(given)
  local out, count, open = {}, 0, {}
  local write
  local function put(text)
    count = count + 1
    out[count] = text
  end
  local function isArray(value)
    local keys = 0
    for key in next, value do
      if mathtype(key) ~= 'integer' then
        if keys > 0 or type(key) ~= 'string' then
          error('the keys of a table must be texts, or 1 to n', 0)
        end
        return false
      end
      keys = keys + 1
    end
    for index = 1, keys do
      if rawget(value, index) == nil then
        error('the keys of a table must be texts, or 1 to n', 0)
      end
    end
    return keys > 0 or arrays[value] == true, keys
  end
  local function writeArray(value, keys, depth)
    put('[')
    for index = 1, keys or 0 do
      if index > 1 then put(',') end
      write(rawget(value, index), depth)
    end
    put(']')
  end
  local function writeObject(value, depth)
    put('{')
    local first = true
    for key, item in next, value do
      if type(key) ~= 'string' then error('the keys of a table must be texts, or 1 to n', 0) end
      if not first then put(',') end
      first = false
      put(quoted(key))
      put(':')
      write(item, depth)
    end
    put('}')
  end
  function write(value, depth)
    local kind = type(value)
    if value == nil or rawequal(value, nothing) then put('null')
    elseif kind == 'string' then put(quoted(value))
    elseif kind == 'boolean' then put(tostring(value))
    elseif kind == 'number' then
      if value ~= value or value == huge or value == -huge then
        error('a number that is not finite cannot be JSON', 0)
      end
      put(mathtype(value) == 'integer' and format('%d', value) or format('%.17g', value))
    elseif kind == 'table' then
      if open[value] then error('a table that contains itself cannot be JSON', 0) end
      if depth >= depthMax then error('tables nest deeper than ' .. depthMax, 0) end
      open[value] = true
      local is, keys = isArray(value)
      if is then writeArray(value, keys, depth + 1) else writeObject(value, depth + 1) end
      open[value] = nil
    else error('a ' .. kind .. ' cannot be JSON', 0) end
  end
  write(given, 0)
  return concat(out)
end

local function encoded(value)
  local ok, text = pcall(encode, value)
  if not ok then error(text, 3) end
  return text
end

function emit(value) emit0(encoded(value)) end

grants = {}
for name in gmatch(names, '[^\\n]+') do
  grants[name] = function(...)
    local args = pack(...)
    for index = 1, args.n do args[index] = encoded(args[index]) end
    local ok, text = ask0(name, '[' .. concat(args, ',', 1, args.n) .. ']')
    local answer = decode(text)
    if not ok then error(answer, 2) end
    return answer
  end
end

local function thrown(value) mark0() return value end

return function(main, text)
  local given = decode(text)
  if rawequal(given, nothing) then given = nil end
  input = given
  local ok, value = xpcall(main, thrown)
  if ok then
    if value == nil then return 'nothing', '' end
    local good, made = pcall(encode, value)
    if good then return 'done', made end
    return 'unreadable', 'its result: ' .. sub(tostring(made), 1, 4096)
  end
  if type(value) == 'string' then return 'threw', sub(value, 1, 4096) end
  local good, made = pcall(encode, value)
  return 'threw', 'a ' .. type(value) .. (good and ': ' .. sub(made, 1, 4096) or '')
end
`;
