"""Operators: thin. The first function turns the context into a frozen task; nothing below it reads bpy.context."""
