fx_version 'cerulean'
game 'gta5'
lua54 'yes' -- what FXServer takes for granted since the middle of 2025

name 'cad_bridge'
author 'The cad-bridge authors'
description 'Sends positions, panics and calls to cad-bridge, which brings them to Sonoran CAD.'
version '0.1.0'
license 'MIT'

dependencies {
    '/server:4380', -- the first that tells the type of a vehicle
    '/onesync', -- the server itself knows where everybody is
}

server_scripts {
    'server/clock.lua',
    'server/text.lua',
    'server/log.lua',
    'server/locale.lua',
    'server/settings.lua',
    'server/service.lua',
    'server/pace.lua',
    'server/door.lua',
    'server/exposure.lua',
    'server/identifiers.lua',
    'server/frameworks.lua',
    'server/duty.lua',
    'server/places.lua',
    'server/vehicles.lua',
    'server/sampler.lua',
    'server/locations.lua',
    'server/callbacks.lua',
    'server/chat.lua',
    'server/lifetimes.lua',
    'server/lanes.lua',
    'server/shelf.lua',
    'server/events.lua',
    'server/questions.lua',
    'server/panics.lua',
    'server/calls.lua',
    'server/api.lua',
    'server/commands.lua',
    'server/console.lua',
    'server/main.lua',
}

client_scripts {
    'client/place.lua',
    'client/exposure.lua',
}
