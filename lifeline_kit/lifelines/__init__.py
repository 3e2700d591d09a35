"""lifelines"""
